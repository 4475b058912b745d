/** Attacks on a gateway: one upstream under two names, headers of a disabled method, responses with extra bytes. */
import { loom } from '../../src/loom.js';
import { serve } from '../../src/serve/serve.js';
import { ask, askBytes, seen, statusOf } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { echoUpstream, recordingUpstream, type Echoed } from '../support/recording-upstream.js';

const KEYS = 'api_key: { query_param: api_key, keys: [{ key: key-of-alice, name: alice }] }';
const ALICE = { 'x-api-key': 'key-of-alice' };

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function gateway(endpoint: string, { auth = KEYS, routes = '', upstreams = '' } = {}): Promise<number> {
  const [port = 0] = await freePorts(1);
  const text = `
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
middleware: { auth: { ${auth} } }
routes:
  - { id: open, path: /open/*, upstream: far, auth: none }
  - { id: key, path: /key/*, upstream: far, auth: { api_key: true } }
${routes}
upstreams:
  - { name: far, endpoints: ["${endpoint}"] }
${upstreams}`;
  const running = await serve({ text, file: 'loom.yaml' }, { log: quietLog() });
  opened.push(() => running.stop({ timeout: 0 }));
  return port;
}

async function echo(): Promise<string> {
  const far = await echoUpstream();
  opened.push(() => far.close());
  return `127.0.0.1:${far.port}`;
}

test('an endpoint under a second name delivers nothing that the first name protects', () => {
  const load = (upstreams: string, upstream: string): unknown =>
    loom(
      {
        text: `
middleware: { auth: { ${KEYS} } }
routes:
  - { path: /key/*, upstream: one, auth: { api_key: true } }
  - { path: /open/*, upstream: ${upstream}, auth: none, strip_prefix: true }
upstreams: [${upstreams}]`,
        file: 'loom.yaml',
      },
      { log: quietLog() },
    );
  const one = '{ name: one, endpoints: ["127.0.0.1:9"] }';
  expect(() => load(one, 'one')).toThrow(/overlap/);
  expect(load(`${one}, { name: two, endpoints: ["127.0.0.1:10"] }`, 'two')).toBeDefined();
  expect(() => load(`${one}, { name: two, endpoints: ["127.0.0.1:9"] }`, 'two')).toThrow(/overlap/);
});

test('a client cannot set the identity header of a disabled method', async () => {
  const jwt = (enabled: boolean): string =>
    `jwt: { enabled: ${enabled}, secret: a-secret-of-thirty-two-bytes-or-so, claims_to_headers: { sub: X-User-ID } }`;
  const endpoint = await echo();
  for (const enabled of [true, false]) {
    const port = await gateway(endpoint, { auth: `${KEYS}, ${jwt(enabled)}` });
    const answer = await ask({ port, path: '/key/a', headers: { ...ALICE, 'x-user-id': 'evil' } });
    expect(answer.status).toBe(200);
    expect([enabled, seen<Echoed>(answer).headers['x-user-id']]).toEqual([enabled, undefined]);
  }
});

test.each([
  ['a 200', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 'surplus'],
  ['a HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', 'ok'],
  ['a 204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', 'surplus'],
])(
  'after extra bytes behind the response to %s each client gets its response',
  async (_what, method, whole, surplus) => {
    const ask1 = `${method} /open/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    for (const answer of [whole, whole + surplus]) {
      const far = await recordingUpstream(() => answer);
      opened.push(() => far.close());
      const port = await gateway(`127.0.0.1:${far.port}`);
      expect([200, 204, 502]).toContain(statusOf(await askBytes(port, ask1)));
    }
  },
);

test.each([
  ['two framings', 'Content-Length: 6\r\nTransfer-Encoding: chunked', '0\r\n\r\nGET /key/a HTTP/1.1\r\n\r\n'],
  ['an unknown coding', 'Transfer-Encoding: chunked, identity', '0\r\n\r\n'],
  ['a second coding', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n'],
  ['a framing field in another spelling', 'Transfer_Encoding: chunked\r\nContent-Length: 3', 'abc'],
  ['a framing field named by Connection', 'Connection: transfer-encoding\r\nTransfer-Encoding: chunked', '0\r\n\r\n'],
  ['a credential named by Connection', 'Connection: x-api-key\r\nContent-Length: 3', 'abc'],
  ['a folded line', 'X-A: b\r\n X-User-ID: evil\r\nContent-Length: 3', 'abc'],
  ['a second Host', 'Host: y\r\nContent-Length: 3', 'abc'],
])('a request with %s is refused', async (_what, lines, body) => {
  const far = await recordingUpstream(() => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  opened.push(() => far.close());
  const port = await gateway(`127.0.0.1:${far.port}`);
  const head = 'POST /open/a HTTP/1.1\r\nHost: x\r\n';
  expect(statusOf(await askBytes(port, `${head}${lines}\r\n\r\n${body}`))).toBe(400);
  expect(far.received).toEqual([]);
  expect(statusOf(await askBytes(port, `${head}Content-Length: 3\r\n\r\nabc`))).toBe(200);
});

test('a body on any method arrives framed, never as a second request', async () => {
  const port = await gateway(await echo());
  const inner = 'GET /key/a HTTP/1.1\r\nHost: x\r\n\r\n';
  const chunk = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`;
  for (const method of ['GET', 'DELETE', 'OPTIONS']) {
    const head = `${method} /open/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const answer = await askBytes(port, head + chunk);
    expect(answer).toContain(`"method":"${method}","url":"/open/a"`);
    expect(answer).toContain(`"length":${inner.length}`);
  }
});

test('credentials in every configured place are not forwarded on an open route', async () => {
  const port = await gateway(await echo());
  const headers = { ...ALICE, x_api_key: 'key-of-alice', 'proxy-authorization': 'Bearer a', 'x-kept': 'yes' };
  const answer = await ask({ port, path: '/open/a?api_key=key-of-alice&api%5Fkey=b&x=1', headers });
  expect(seen<Echoed>(answer).url).toBe('/open/a?x=1');
  expect(seen<Echoed>(answer).headers['x-kept']).toBe('yes');
  expect(answer.body).not.toMatch(/key-of-alice|proxy-auth/i);
});
