/** Admission as a whole: what is judged beside the credential, in which order, and what it leaves on the request. */
import { createServer, type IncomingMessage } from 'node:http';
import connect from 'connect';
import { identitiesOf } from '../../src/admission/identities.js';
import { loom, type Loom } from '../../src/loom.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';
import { secretToken } from '../support/token-issuer.js';

const SECRET = 'a secret of thirty-two bytes or so';

const AUTH = `
middleware:
  auth:
    api_key: { keys: [{ key: key-of-alice, name: alice }, { key: key-of-bob, name: bob }], claims_to_headers: { name: X-User } }
    jwt: { algorithm: HS256, secret: ${SECRET}, cookie: session, claims_to_headers: { sub: X-User, tenant.id: X-Tenant } }
`;

interface Site {
  readonly url: string;
  readonly log: ReturnType<typeof quietLog>;
  readonly close: () => Promise<void>;
}

async function site(rest: string, wrap?: (gate: Loom) => Parameters<typeof createServer>[1]): Promise<Site> {
  const log = quietLog();
  const gate = loom({ text: AUTH + rest, file: 'loom.yaml' }, { log });
  const say = (req: IncomingMessage): string =>
    JSON.stringify({ who: identitiesOf(req).map(({ method }) => method), headers: req.headers });
  const server = createServer(wrap?.(gate) ?? ((req, res) => gate(req, res, () => res.end(say(req)))));
  const url = `http://127.0.0.1:${await listening(server)}`;
  return {
    url,
    log,
    close: async () => {
      await closed(server);
      await gate.close();
    },
  };
}

const route = (auth: string, more = ''): string => `routes: [{ id: all, path: /*, auth: ${auth}${more} }]\n`;
const KEY = { 'X-API-Key': 'key-of-alice' };

test('an identity header that is left out is one warning, however many requests come', async () => {
  const file = AUTH.replace('sub: X-User', 'sub: X-User, email: X-Email');
  const log = quietLog();
  const gate = loom({ text: file + route('{ jwt: true }'), file: 'loom.yaml' }, { log });
  const server = createServer((req, res) => gate(req, res, () => res.end(String(req.headers['x-email']))));
  const url = `http://127.0.0.1:${await listening(server)}`;
  const asking = async (verified: boolean): Promise<string> => {
    const claims = { sub: 'ann', email: 'ann@example.com', email_verified: verified };
    return (await fetch(url, { headers: { Cookie: `session=${await secretToken(SECRET, claims)}` } })).text();
  };
  for (let at = 0; at < 5; at++) expect(await asking(false)).toBe('undefined');
  expect(log.entries.filter(({ words }) => words === 'an identity header was omitted')).toHaveLength(1);
  expect(await asking(true)).toBe('ann@example.com');
  await closed(server);
  await gate.close();
});

test('a URL that a host rewrote before Loom is refused, because Loom cannot know which URL the handlers see', async () => {
  const { url, log, close } = await site(route('{ api_key: true }'), (gate) => {
    const app = connect();
    app.use((req, _res, next) => {
      if (req.url === '/old') req.url = '/new';
      next();
    });
    app.use(gate);
    app.use((_req, res) => res.end('handler'));
    return app;
  });
  expect((await fetch(`${url}/old`, { headers: KEY })).status).toBe(500);
  expect(log.entries.some(({ words }) => words.includes('mount Loom before whatever rewrites'))).toBe(true);
  expect((await fetch(`${url}/other`, { headers: KEY })).status).toBe(200);
  await close();
});

test('%2f passes where the route says so, and nowhere else', async () => {
  const { url, close } = await site(`
routes:
  - { id: files, path: /files/*, auth: none, allow_encoded_slash: true }
  - { id: rest, path: /rest/*, auth: { api_key: true } }
`);
  expect((await fetch(`${url}/files/a%2Fb`)).status).toBe(200);
  expect((await fetch(`${url}/rest/a%2Fb`, { headers: KEY })).status).toBe(400);
  expect((await fetch(`${url}/rest/a`, { headers: KEY })).status).toBe(200);
  expect((await fetch(`${url}/nowhere/a%2Fb`)).status).toBe(400);
  await close();
});

test('two identities that imply different values of one header are refused; equal ones are all kept', async () => {
  const { url, close } = await site(route('{ jwt: true, api_key: true, require_any: false }'));
  const ask = async (sub: string): Promise<Response> =>
    fetch(url, { headers: { ...KEY, Authorization: `Bearer ${await secretToken(SECRET, { sub })}` } });
  expect((await ask('mallory')).status).toBe(403);
  const passed = await ask('alice');
  expect(await passed.json()).toMatchObject({ who: ['jwt', 'api_key'], headers: { 'x-user': 'alice' } });
  await close();
});

test('a claim on a dotted path becomes a header, one that cannot be a header is omitted and logged', async () => {
  const { url, log, close } = await site(route('{ jwt: true }'));
  const ask = async (claims: object): Promise<{ headers: Record<string, string> }> => {
    const token = await secretToken(SECRET, { sub: 'a', ...claims });
    const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
    return (await response.json()) as { headers: Record<string, string> };
  };
  expect((await ask({ tenant: { id: 7 } })).headers['x-tenant']).toBe('7');
  expect((await ask({ tenant: { id: 'a\r\nX-User: root' } })).headers['x-tenant']).toBeUndefined();
  expect(log.entries.some(({ facts }) => facts['header'] === 'X-Tenant' && facts['why'] === 'control')).toBe(true);
  await close();
});

test('what a browser sends unasked does not count from another site: a cookie does not, a header does', async () => {
  const { url, close } = await site(route('{ jwt: true }', ', allowed_origins: ["https://app.example"]'));
  const token = await secretToken(SECRET, { sub: 'alice' });
  const ask = async (headers: Record<string, string>, method = 'POST'): Promise<number> =>
    (await fetch(url, { method, headers })).status;
  const cookie = { Cookie: `session=${token}` };
  expect(await ask({ ...cookie, Origin: 'https://evil.example' })).toBe(403);
  expect(await ask({ ...cookie, Origin: 'https://evil.example' }, 'GET')).toBe(200);
  expect(await ask({ ...cookie, Origin: 'https://app.example' })).toBe(200);
  expect(await ask({ ...cookie, Origin: url })).toBe(200);
  expect(await ask(cookie)).toBe(200);
  expect(await ask({ Authorization: `Bearer ${token}`, Origin: 'https://evil.example' })).toBe(200);
  await close();
});

describe('limits', () => {
  const statuses = async (url: string, headers: Record<string, string>, times: number): Promise<number[]> => {
    const seen: number[] = [];
    for (let at = 0; at < times; at++) seen.push((await fetch(url, { headers })).status);
    return seen;
  };

  test('by ip hold before any method runs, and for open routes too', async () => {
    const { url, close } = await site(`rate_limit: { rate: 1, burst: 2, key: ip }\n${route('{ api_key: true }')}`);
    expect(await statuses(url, { 'X-API-Key': 'wrong' }, 3)).toEqual([401, 401, 429]);
    await close();
  });

  test('by identity count each caller apart, wherever it comes from', async () => {
    const { url, close } = await site(`rate_limit: { rate: 1, burst: 1 }\n${route('{ api_key: true }')}`);
    expect(await statuses(url, KEY, 2)).toEqual([200, 429]);
    expect(await statuses(url, { 'X-API-Key': 'key-of-bob' }, 2)).toEqual([200, 429]);
    await close();
  });

  test('by a claim count its values apart; a token without it counts by its address', async () => {
    const { url, close } = await site(
      `rate_limit: { rate: 1, burst: 1, key: "jwt:tenant.id" }\n${route('{ jwt: true }')}`,
    );
    const bearer = async (claims: object): Promise<Record<string, string>> => ({
      Authorization: `Bearer ${await secretToken(SECRET, { sub: 'a', ...claims })}`,
    });
    expect(await statuses(url, await bearer({ tenant: { id: 1 } }), 2)).toEqual([200, 429]);
    expect(await statuses(url, await bearer({ tenant: { id: 2 }, sub: 'b' }), 2)).toEqual([200, 429]);
    expect(await statuses(url, await bearer({ sub: 'c' }), 1)).toEqual([200]);
    expect(await statuses(url, await bearer({ sub: 'd' }), 1)).toEqual([429]);
    await close();
  });

  test('by the header of a credential mean its identity, not the text', async () => {
    const { url, close } = await site(
      `rate_limit: { rate: 1, burst: 1, key: "header:X-API-Key" }\n${route('{ api_key: true }')}`,
    );
    expect(await statuses(url, KEY, 2)).toEqual([200, 429]);
    expect(await statuses(url, { 'X-API-Key': 'key-of-bob' }, 1)).toEqual([200]);
    await close();
  });

  test('count a caller that protect() asks for once more only where nothing counted before', async () => {
    const rest = `rate_limit: { rate: 1, burst: 2 }\n${route('{ api_key: true }')}`;
    const { url, close } = await site(rest, (gate) => {
      const again = gate.protect('api_key');
      return (req, res) => gate(req, res, () => again(req, res, () => res.end('both')));
    });
    expect(await statuses(url, KEY, 3)).toEqual([200, 200, 429]);
    await close();
  });
});

test('an identity of an earlier middleware is not taken for ours', async () => {
  const rest = 'routes: [{ id: open, path: /*, auth: none }, { id: key, path: /key, auth: { api_key: true } }]\n';
  const { url, close } = await site(rest, (gate) => (req, res) => {
    req.auth = { method: 'forged', subject: 'root', scopes: [], claims: {} };
    gate(req, res, () => res.end(JSON.stringify(req.auth)));
  });
  expect(await (await fetch(url)).text()).toBe('null');
  await close();
});
