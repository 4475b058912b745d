/** CORS in front of an upstream, standalone and as middleware: preflights, answers of ours and of others. */
import cors from 'cors';
import { loom } from '../../src/loom.js';
import type { Answer } from '../support/ask.js';
import { ask, askBytes, statusOf } from '../support/ask.js';
import { BOTH, type Gateway } from '../support/both-hosts.js';
import { HOSTS } from '../support/hosts.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { echoUpstream, type Echo } from '../support/recording-upstream.js';

const KEY = { 'X-API-Key': 'sk_live_0123456789abcdef' };
const APP = 'https://app.example.com';
const FOREIGN = 'https://evil.test';

const asks = (origin: string, method = 'PUT', headers = 'x-api-key') => ({
  Origin: origin,
  'Access-Control-Request-Method': method,
  'Access-Control-Request-Headers': headers,
});

/** What a page's browser learns from an answer. */
function told({ headers }: Answer): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-')));
}

const CORS = `
cors:
  allowed_origins: [${APP}, "https://*.apps.example.com"]
  allowed_methods: [GET, PUT]
  exposed_headers: [X-Request-ID, RateLimit]
  allow_credentials: true
  max_age: 10m
`;

const READABLE = {
  'access-control-allow-origin': APP,
  'access-control-allow-credentials': 'true',
  'access-control-expose-headers': 'X-Request-ID,RateLimit',
};

const ALLOWED = {
  ...READABLE,
  'access-control-allow-methods': 'GET,PUT',
  'access-control-allow-headers': 'Content-Type,x-api-key',
  'access-control-max-age': '600',
};

let echo: Echo;
let dead: number;

beforeAll(async () => {
  [dead = 0] = await freePorts(1);
  echo = await echoUpstream((req, res) => {
    if (!req.url?.startsWith('/api/own')) return false;
    // An upstream with a policy of its own, as wide as can be.
    cors({ origin: true, credentials: true, exposedHeaders: ['X-Internal'] })(req, res, () => {
      res.setHeader('Access-Control-Allow-Private-Network', 'true');
      res.appendHeader('Vary', 'Accept-Encoding');
      res.writeHead(200).end('own');
    });
    return true;
  });
});

afterAll(() => echo.close());

const fileOf = (block: string, more = ''): string =>
  `
middleware:
  auth:
    api_key: { keys: [{ key: ${KEY['X-API-Key']}, name: alice }] }
routes:
  - { id: public, path: /public/*, upstream: echo, auth: none }
  - { id: api, path: /api/*, upstream: echo, methods: [GET, PUT], auth: { api_key: true } }
  - { id: chosen, path: /chosen, headers: { X-Which: one }, upstream: echo, auth: { api_key: true } }
  - { id: narrow, path: /narrow, upstream: echo, auth: { api_key: { names: [narrow-name] } } }
  - { id: dead, path: /dead, upstream: dead, auth: { api_key: true } }
  - { id: slow, path: /metered, upstream: echo, auth: { api_key: true }, rate_limit: { rate: 1, burst: 2 } }
upstreams:
  - { name: echo, endpoints: ["127.0.0.1:${echo.port}"] }
  - { name: dead, endpoints: ["127.0.0.1:${dead}"] }
${block}${more}`
    .replace('narrow-name', 'bob')
    .replace('name: alice }]', 'name: alice }, { key: another-key-of-bob, name: bob }]');

describe.each(BOTH)('$name', ({ name: kind, start }) => {
  const opened: Gateway[] = [];
  const open = async (block = CORS, more = ''): Promise<Gateway> => {
    const gateway = await start(fileOf(block, more));
    opened.push(gateway);
    return gateway;
  };
  let gate: Gateway;
  beforeAll(async () => (gate = await open()));
  beforeEach(() => void echo.requests.splice(0));
  afterAll(() => Promise.all(opened.map((each) => each.close())));

  const preflight = (path: string, headers: Record<string, string>, from = gate) =>
    from.ask(path, { method: 'OPTIONS', headers });

  describe('a preflight', () => {
    test.each(['/api/x', '/public/x', '/narrow', '/chosen', '/dead'])(
      'of %s is answered without a credential and without the upstream',
      async (path) => {
        const answer = await preflight(path, asks(APP));
        expect([answer.status, answer.body, told(answer)]).toEqual([204, '', ALLOWED]);
        expect(answer.headers).toMatchObject({ vary: 'Origin' });
        expect(answer.headers['content-length']).toBeUndefined();
        expect(echo.requests).toEqual([]);
      },
    );

    test('for a method that the route or the file does not have says so, and a browser stops there', async () => {
      const answer = await preflight('/api/x', asks(APP, 'DELETE'));
      expect([answer.status, told(answer)]).toEqual([204, ALLOWED]);
    });

    test('from a subdomain is answered to that subdomain', async () => {
      const answer = await preflight('/api/x', asks('https://a.b.apps.example.com'));
      expect(told(answer)).toMatchObject({ 'access-control-allow-origin': 'https://a.b.apps.example.com' });
    });

    test.each([FOREIGN, 'null', 'https://apps.example.com', `${APP}.evil.test`, `${APP}, ${FOREIGN}`])(
      'from %s is answered with nothing that a page could use',
      async (origin) => {
        for (const path of ['/api/x', '/public/x']) {
          const answer = await preflight(path, asks(origin));
          expect([answer.status, told(answer), answer.headers.vary]).toEqual([204, {}, 'Origin']);
        }
        expect(echo.requests).toEqual([]);
      },
    );

    test('that is none is a request like any: it needs a credential', async () => {
      const { Origin, ...rest } = asks(APP);
      const some: Record<string, string>[] = [{}, { Origin }, rest, { Origin, 'Access-Control-Request-Method': 'a b' }];
      const method = { 'Access-Control-Request-Method': 'PUT' };
      for (const headers of some) expect((await preflight('/narrow', headers)).status).toBe(401);
      const withBody = await gate.ask('/narrow', {
        method: 'OPTIONS',
        headers: { Origin, ...method, 'Content-Length': '1' },
        body: 'x',
      });
      expect([withBody.status, told(withBody)]).toEqual([401, READABLE]);
      for (const each of ['GET', 'PUT', 'HEAD'])
        expect((await gate.ask('/api/x', { method: each, headers: asks(APP) })).status).toBe(401);
      expect(echo.requests).toEqual([]);
    });

    test('twice in one request is refused or judged, and never forwarded', async () => {
      const lines = `Origin: ${APP}\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Method: PUT`;
      const answer = await askBytes(gate.port, `OPTIONS /narrow HTTP/1.1\r\nHost: gw\r\n${lines}\r\n\r\n`);
      expect(statusOf(answer)).toBe(401);
      expect(echo.requests).toEqual([]);
    });

    test.each(['/api/%2e%2e/public', '/api//x', '/api/..%2fx'])(
      'of %s is 400, with what the page may read',
      async (path) => {
        const answer = await preflight(path, asks(APP));
        expect([answer.status, told(answer)]).toEqual([400, ALLOWED]);
      },
    );

    test('without `cors` needs a credential like any request', async () => {
      const silent = await open('');
      expect((await preflight('/narrow', asks(APP), silent)).status).toBe(401);
      const answer = await silent.ask('/chosen', {
        method: 'OPTIONS',
        headers: { ...asks(APP), ...KEY, 'X-Which': 'one' },
      });
      expect([answer.status, told(answer)]).toEqual([200, {}]);
      expect(echo.requests.map(({ method }) => method)).toEqual(['OPTIONS']);
    });

    test('counts against the rate limit of its client address only', async () => {
      const limited = await open(CORS, 'rate_limit: { rate: 1, burst: 2, key: ip }\n');
      const answers = [];
      for (let at = 0; at < 4; at++) answers.push(await preflight('/api/x', asks(APP), limited));
      const statuses = answers.map(({ status }) => status);
      expect(statuses.slice(0, 2)).toEqual([204, 204]);
      const refused = answers.find(({ status }) => status === 429);
      expect(refused && told(refused)).toEqual(ALLOWED);
      expect(answers[0]?.headers['ratelimit']).toBeDefined();
      const free = await open(CORS, 'rate_limit: { rate: 1, burst: 1, key: identity }\n');
      for (let at = 0; at < 4; at++) expect((await preflight('/api/x', asks(APP), free)).status).toBe(204);
      expect((await free.ask('/api/x', { headers: { ...KEY, Origin: APP } })).status).toBe(200);
    });
  });

  describe('an answer', () => {
    const get = (path: string, headers: Record<string, string> = {}, from = gate) =>
      from.ask(path, { headers: { Origin: APP, ...headers } });

    test.each<[number, string, Record<string, string>]>([
      [401, '/api/x', {}],
      [401, '/api/x', { 'X-API-Key': 'wrong' }],
      [403, '/narrow', KEY],
      [404, '/chosen', KEY],
      [400, '/api/%2e%2e/x', KEY],
      [502, '/dead', KEY],
      [200, '/api/x', KEY],
      [200, '/public/x', {}],
    ])('of %i to %s may be read by the page', async (status, path, headers) => {
      const answer = await get(path, headers);
      expect([answer.status, told(answer)]).toEqual([status, READABLE]);
      expect(String(answer.headers.vary).split(', ')).toContain('Origin');
    });

    test('of 429 may be read by the page', async () => {
      const statuses = new Map<number, unknown>();
      for (let at = 0; at < 4; at++) {
        const answer = await get('/metered', KEY);
        statuses.set(answer.status, told(answer));
      }
      expect(statuses.get(429)).toEqual(READABLE);
    });

    test('of 405 may be read by the page, and says what is allowed', async () => {
      const answer = await gate.ask('/api/x', { method: 'DELETE', headers: { Origin: APP } });
      expect([answer.status, told(answer), answer.headers.allow]).toEqual([405, READABLE, 'GET, PUT, HEAD']);
    });

    test.each([FOREIGN, 'null', undefined])('to %s says nothing to a page, only to caches', async (origin) => {
      for (const [path, headers] of [
        ['/api/x', KEY],
        ['/api/x', {}],
        ['/dead', KEY],
        ['/api/own', KEY],
      ] as const) {
        const answer = await gate.ask(path, {
          headers: { ...(origin !== undefined && { Origin: origin }), ...headers },
        });
        expect([path, told(answer)]).toEqual([path, {}]);
        expect(String(answer.headers.vary).split(', ')).toContain('Origin');
      }
    });

    test("replaces the upstream's own policy, and says each thing once", async () => {
      const lines = Object.entries(KEY).map(([name, value]) => `${name}: ${value}`);
      const raw = await askBytes(
        gate.port,
        [`GET /api/own HTTP/1.1`, 'Host: gw', `Origin: ${APP}`, ...lines, 'Connection: close, origin', '', ''].join(
          '\r\n',
        ),
      );
      expect(statusOf(raw)).toBe(200);
      const fields = raw
        .split('\r\n\r\n')[0]
        ?.split('\r\n')
        .filter((line) => /^access-control/i.test(line));
      expect(fields?.map((line) => line.toLowerCase()).sort()).toEqual(
        Object.entries(READABLE)
          .map(([name, value]) => `${name}: ${value}`.toLowerCase())
          .sort(),
      );
      const vary = raw
        .split('\r\n')
        .filter((line) => /^vary/i.test(line))
        .join(', ')
        .toLowerCase();
      expect(vary.match(/\borigin\b/g)).toHaveLength(1);
      expect(vary).toContain('accept-encoding');
    });

    test('without `cors` is as the upstream wrote it', async () => {
      const answer = await get('/api/own', KEY, await open(''));
      expect(told(answer)).toEqual({
        'access-control-allow-origin': APP,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'X-Internal',
        'access-control-allow-private-network': 'true',
      });
    });

    test('is the same for every origin if every origin is allowed', async () => {
      const everybody = await open('cors: { allow_origins: ["*"], expose_headers: ["*"], max_age: 0 }\n');
      const answer = await get('/api/own', KEY, everybody);
      expect(told(answer)).toEqual({ 'access-control-allow-origin': '*', 'access-control-expose-headers': '*' });
      expect(told(await preflight('/api/x', asks(FOREIGN), everybody))).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET,HEAD,POST',
        'access-control-max-age': '0',
      });
    });

    test('over a limit with an answer of its own has this policy too', async () => {
      const response = '{ status: 420, headers: { Access-Control-Allow-Origin: "*", X-Calm: "yes" }, body: calm }';
      const limited = await open(CORS, `rate_limit: { rate: 1, burst: 1, key: ip, response: ${response} }\n`);
      await get('/api/x', KEY, limited);
      const answer = await get('/api/x', KEY, limited);
      expect([answer.status, told(answer), answer.headers['x-calm']]).toEqual([420, READABLE, 'yes']);
    });
  });

  test('an allowed origin is no credential, and gets no more than it would without', async () => {
    for (const path of ['/api/x', '/narrow', '/dead', '/metered'])
      expect((await gate.ask(path, { headers: { Origin: APP } })).status).toBe(401);
    expect(echo.requests).toEqual([]);
  });

  test('a path that no route matches', async () => {
    const answer = await preflight('/nowhere', asks(APP));
    // As middleware the host may have it: the page learns what it may send, not what is there.
    expect([answer.status, told(answer)]).toEqual([kind === 'serve()' ? 404 : 204, ALLOWED]);
  });
});

describe.each(HOSTS)('in front of $name', ({ start }) => {
  const FILE = `
middleware: { auth: { api_key: { keys: [{ key: ${KEY['X-API-Key']}, name: alice }] } } }
routes: [{ path: /api/*, auth: { api_key: true } }]
cors: { allowed_origins: [${APP}] }
`;

  test("answers of the host's own handlers carry the policy, and preflights reach none of them", async () => {
    const gate = loom({ text: FILE, file: 'loom.yaml' }, { log: quietLog() });
    const handled: string[] = [];
    const host = await start({
      gate,
      handler: (req, res) => {
        handled.push(`${req.method} ${req.url}`);
        res.writeHead(req.url === '/other' ? 404 : 200, { 'Content-Type': 'text/plain' }).end('hello');
      },
    });
    const to = (path: string, question: object) => ask({ port: host.port, path, ...question });
    const readable = { 'access-control-allow-origin': APP };
    const allowed = await to('/api/x', { headers: { ...KEY, Origin: APP } });
    expect([allowed.status, allowed.body, told(allowed)]).toEqual([200, 'hello', readable]);
    const other = await to('/other', { headers: { Origin: APP } });
    expect([other.status, told(other)]).toEqual([404, readable]);
    const denied = await to('/api/x', { headers: { Origin: APP } });
    expect([denied.status, told(denied)]).toEqual([401, readable]);
    const foreign = await to('/api/x', { headers: { ...KEY, Origin: FOREIGN } });
    expect([foreign.status, told(foreign)]).toEqual([200, {}]);
    for (const path of ['/api/x', '/other']) {
      const preflight = await to(path, { method: 'OPTIONS', headers: asks(APP) });
      expect([preflight.status, told(preflight)]).toMatchObject([204, readable]);
    }
    expect(handled).toEqual(['GET /api/x', 'GET /other', 'GET /api/x']);
    await host.close();
    await gate.close();
  });
});
