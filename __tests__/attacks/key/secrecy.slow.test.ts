/**
 * Places where a key in a query could be recorded: logs, errors, redirects, the upstream's log, the next page's
 * Referer.
 */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, echo, get, KEY, openGround, request, type Ground } from '../../support/attack-ground.js';
import { valuesOf } from '../../support/messages.js';

const WRONG = 'sk_wrong_f00dfeedcafe';

/** An upstream that redirects its clients, with everything that it received. */
const redirect = 'HTTP/1.1 302 Found\r\nLocation: ';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround({
    routes: `
  - { id: dead, path: /dead/*, upstream: dead, auth: { api_key: true } }
  - { id: moved, path: /moved/*, upstream: backend, auth: { api_key: true } }
  - { id: reading, path: /reading, methods: [GET], upstream: backend, auth: { api_key: true } }`,
    upstreams: '  - { name: dead, endpoints: ["127.0.0.1:1"] }',
    top: 'logging: { level: trace, access: { enabled: true } }',
    answer: (message) =>
      message.target.startsWith('/moved')
        ? `${redirect}${message.target}/there\r\nContent-Length: 0\r\n\r\n`
        : echo(message),
  });
  ground.secrets.push(WRONG, encodeURIComponent(WRONG), Buffer.from(`${KEY}:`).toString('base64'));
});
afterAll(closeGrounds);

const fields = Array.from({ length: 101 }, (_each, at) => `X-Field-${at}: 1`);

/** `KEY` is replaced by a right or wrong key: [name, request, status with a right key, status with a wrong key]. */
const REQUESTS: readonly (readonly [what: string, bytes: string, right: number, wrong: number])[] = [
  ['a request that passes', get('/api/v1/x?a=1&api_key=KEY&b=2'), 200, 401],
  ['its name encoded', get('/api/v1/x?api%5Fkey=KEY'), 200, 401],
  ['a request with a body', request('POST', '/api/v1/x?api_key=KEY', ['Content-Length: 2'], 'ok'), 200, 401],
  ['an open route', get('/public/x?api_key=KEY'), 200, 200],
  ['an open route, the key in its header', get('/public/x', 'X-API-Key: KEY'), 200, 200],
  ['a route of another method', get('/internal/x?api_key=KEY'), 401, 401],
  ['no route', get('/nowhere?api_key=KEY'), 404, 404],
  ['no route for the method', request('DELETE', '/reading?api_key=KEY'), 405, 405],
  ['a target that is refused', get('/public/%2e%2e/internal?api_key=KEY'), 400, 400],
  ['a query that is refused', get('/api/v1/x?api_key=KEY#x'), 400, 400],
  ['two keys', get('/api/v1/x?api_key=KEY&api_key=KEY'), 400, 400],
  ['two places', get('/api/v1/x?api_key=KEY', 'X-API-Key: KEY'), 200, 401],
  ['too many fields', get('/api/v1/x?api_key=KEY', ...fields), 431, 431],
  ['an unknown transfer coding', request('POST', '/api/v1/x?api_key=KEY', ['Transfer-Encoding: gzip']), 400, 400],
  ['an invalid message', 'GET /api/v1/x?api_key=KEY HTTP/1.1\r\nHost: gw\r\nX Y: KEY\r\n\r\n', 400, 400],
  ['an unreachable upstream', get('/dead/x?api_key=KEY'), 502, 401],
  ['a redirect of the upstream', get('/moved/x?api_key=KEY'), 302, 401],
  ['an upgrade', get('/api/v1/x?api_key=KEY', 'Upgrade: websocket', 'Connection: Upgrade'), 426, 426],
];

describe('KEY-09 a key in a query is recorded nowhere', () => {
  test.each(REQUESTS)('%s', async (_what, bytes, right, wrong) => {
    for (const [key, status] of [
      [KEY, right],
      [WRONG, wrong],
    ] as const) {
      const answer = await ground.send(bytes.replaceAll('KEY', key));
      expect(statusOf(answer)).toBe(status);
      expect(answer).not.toContain(key);
      expect(ground.arrived().map(({ raw }) => raw.includes(key))).toEqual(
        status === 200 || status === 302 ? [false] : [],
      );
    }
  });

  // A browser that followed a link of the page `/?api_key=…` sends that page as Referer.
  test.each([
    [`http://gw/api/v1/x?api_key=${KEY}`, 'http://gw/api/v1/x'],
    [`http://gw/?a=1&api%5fkey=${KEY}&b=%20`, 'http://gw/?a=1&b=%20'],
    [`/x?api_key=${KEY}#there`, '/x'],
    [`http://gw/?api_key=${KEY}&api_key=${WRONG}`, 'http://gw/'],
  ])('nor in the Referer of the next page: %s', async (referer, left) => {
    for (const target of ['/public/next', `/api/v1/next?api_key=${KEY}`]) {
      expect(statusOf(await ground.send(get(target, `Referer: ${referer}`)))).toBe(200);
      const [message] = ground.arrived();
      expect(message && valuesOf(message, 'Referer')).toEqual([left]);
    }
  });

  test('twin: the log has each request, with its path, its caller and its reason', async () => {
    await ground.send(get(`/api/v1/logged?x=1&api_key=${KEY}`, 'User-Agent: honest'));
    const linesOf = () => ground.output().match(/^.*\/api\/v1\/logged.*\n/gm) ?? [];
    while (linesOf().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const lines = linesOf();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/alice/);
    expect(lines[0]).toMatch(/honest/);
    expect(ground.arrived().map(({ target }) => target)).toEqual(['/api/v1/logged?x=1']);
  });

  test.each(['http://gw/x?a=1&b=2', 'http://gw/x?xapi_key=1&api_keys=2', 'http://gw/?'])(
    'twin: a Referer without a key is forwarded unchanged: %s',
    async (referer) => {
      await ground.send(get('/public/next', `Referer: ${referer}`));
      expect(ground.arrived().map((message) => valuesOf(message, 'Referer'))).toEqual([[referer]]);
    },
  );
});
