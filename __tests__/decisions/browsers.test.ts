/** Credentials that a browser sends unasked, and pages of other sites that make it. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { hashSync } from 'bcryptjs';
import { askBytes, statusOf } from '../support/ask.js';
import { makeCertificates, type Certificates } from '../support/certificates.js';
import { closed, listening } from '../support/recording-upstream.js';
import { seconds } from '../support/token-issuer.js';
import { LONG_SECRET, signedBySecret } from '../tokens/signing.js';
import { closeSites, fileOf, site } from './site.js';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates.remove());
afterEach(closeSites);

const JWT = `jwt: { algorithm: HS256, secret: "${LONG_SECRET}", audience: api, cookie: session, query_param: token }`;
const KEYS = 'api_key: { keys: [{ key: key-of-alice, name: alice }] }';
const BASIC = `basic: { users: [{ username: ada, password_hash: "${hashSync('right', 4)}" }] }`;
const token = (): Promise<string> => signedBySecret({ sub: 'ada', aud: 'api', exp: seconds() + 600 });
const PAIR = { Authorization: `Basic ${Buffer.from('ada:right').toString('base64')}` };
const KEY = { 'X-API-Key': 'key-of-alice' };
const HERE = { Host: 'shop.example', Origin: 'http://shop.example', 'Sec-Fetch-Site': 'same-origin' };
const THERE = { Host: 'shop.example', Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };

const files = () => ({
  ca: readFileSync(certificates.ca, 'utf8'),
  server: { cert: readFileSync(certificates.server.cert, 'utf8'), key: readFileSync(certificates.server.key, 'utf8') },
  client: { cert: readFileSync(certificates.client.cert, 'utf8'), key: readFileSync(certificates.client.key, 'utf8') },
});

test('a client certificate grants no POST of another site, alone or beside a token', async () => {
  const { ca, server, client } = files();
  const tls = { ...server, ca, requestCert: true, rejectUnauthorized: false };
  const from = { ca, ...client };
  const host = { Host: 'localhost', Origin: 'https://localhost', 'Sec-Fetch-Site': 'same-origin' };
  const there = { ...THERE, Host: 'localhost' };
  const bearer = { Authorization: `Bearer ${await token()}` };
  for (const [auth, more] of [
    ['{ mtls: true }', {}],
    ['{ methods: [jwt, mtls] }', {}],
    ['{ methods: [mtls, jwt], require_any: false }', bearer],
    ['{ methods: [jwt, mtls], require_any: false }', bearer],
  ] as const) {
    const { ask } = await site(fileOf(`mtls: { ca_file: ${certificates.ca} }, ${JWT}`, auth), { tls });
    expect(await ask({ method: 'POST', tls: from, headers: { ...there, ...more } })).toBe('403');
    expect(await ask({ method: 'POST', tls: from, headers: { ...host, ...more } })).toMatch(/^200 .*mtls:svc-a/);
    expect(await ask({ tls: from, headers: { ...there, ...more } })).toMatch(/^200 .*mtls:svc-a/);
    expect(await ask({ method: 'POST', tls: from, headers: { Host: 'localhost', ...more } })).toMatch(/^200/);
  }
});

describe('a POST of another site', () => {
  const text = (auth: string): string => fileOf(`${JWT}, ${KEYS}, ${BASIC}`, auth);

  test.each<[string, string, () => Promise<object>]>([
    ['Basic', '{ basic: true }', () => Promise.resolve(PAIR)],
    ['a cookie', '{ jwt: true }', async () => ({ Cookie: `session=${await token()}` })],
    [
      'Basic beside a key',
      '{ methods: [api_key, basic], require_any: false }',
      () => Promise.resolve({ ...PAIR, ...KEY }),
    ],
    [
      'a key beside Basic',
      '{ methods: [basic, api_key], require_any: false }',
      () => Promise.resolve({ ...PAIR, ...KEY }),
    ],
    [
      'a cookie beside a key',
      '{ methods: [api_key, jwt], require_any: false }',
      async () => ({ ...KEY, Cookie: `session=${await token()}` }),
    ],
    ['an optional cookie', '{ require: false, methods: [jwt] }', async () => ({ Cookie: `session=${await token()}` })],
    ['Basic behind a wrong key', '{ methods: [api_key, basic] }', () => Promise.resolve({ ...PAIR, 'X-API-Key': 'x' })],
  ])('is refused where the browser adds %s by itself', async (_what, auth, credentials) => {
    const { ask } = await site(text(auth));
    const headers = await credentials();
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect(await ask({ method, headers: { ...THERE, ...headers } })).toBe('403');
      expect(await ask({ method, headers: { ...HERE, ...headers } })).toMatch(/^200 ./);
    }
    expect(await ask({ method: 'POST', headers: { Host: 'shop.example', Origin: 'null', ...headers } })).toBe('403');
    expect(await ask({ headers: { ...THERE, ...headers } })).toMatch(/^200 ./);
  });

  test.each<[string, string, () => Promise<{ headers?: object; path?: string }>]>([
    ['a bearer token', '{ jwt: true }', async () => ({ headers: { Authorization: `Bearer ${await token()}` } })],
    ['a token in the query', '{ jwt: true }', async () => ({ path: `/?token=${await token()}` })],
    [
      'a key beside cookies of other kinds',
      '{ api_key: true }',
      () => Promise.resolve({ headers: { ...KEY, Cookie: 'a=b' } }),
    ],
  ])('twin: passes with %s, which no browser adds', async (_what, auth, credentials) => {
    const { ask } = await site(text(auth));
    const { headers = {}, path = '/' } = await credentials();
    expect(await ask({ method: 'POST', path, headers: { ...THERE, ...headers } })).toMatch(/^200 ./);
  });

  test('is refused to a strategy of the host that may have read a cookie', async () => {
    const host = {
      authenticate(this: { success(user: object): void }): void {
        this.success({ id: 'x' });
      },
    };
    const { ask } = await site(fileOf('jwt: { enabled: false }', '{ host: true }'), { strategies: { host } });
    expect(await ask({ method: 'POST', headers: { ...THERE, Cookie: 'sid=1' } })).toBe('403');
    expect(await ask({ method: 'POST', headers: { ...HERE, Cookie: 'sid=1' } })).toBe('200 host:x');
    expect(await ask({ method: 'POST', headers: THERE })).toBe('200 host:x');
  });

  test('is let in from an origin of the route, and from it alone', async () => {
    const { ask } = await site(fileOf(BASIC, '{ basic: true }', ', allowed_origins: ["https://app.example"]'));
    const from = (Origin: string) => ask({ method: 'POST', headers: { ...THERE, ...PAIR, Origin } });
    expect(await from('https://app.example')).toBe('200 basic:ada');
    expect(await from('https://app.example.evil.example')).toBe('403');
  });
});

test('an upgrade of another site is refused, though it is a GET', async () => {
  const { gate } = await site(fileOf(`${KEYS}, ${BASIC}`, '{ methods: [api_key, basic] }'));
  const server = createServer();
  gate.attach(server);
  server.on('upgrade', (_req, socket) => void socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
  const port = await listening(server);
  const asked = async (origin: string, credential: string): Promise<number> => {
    const lines = ['Host: shop.example', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    const more = [`Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`, `Origin: ${origin}`, credential];
    return statusOf(await askBytes(port, ['GET / HTTP/1.1', ...lines, ...more, '', ''].join('\r\n')));
  };
  const pair = `Authorization: ${PAIR.Authorization}`;
  const outcomes = [
    await asked('https://evil.example', pair),
    await asked('http://shop.example', pair),
    await asked('https://evil.example', 'X-API-Key: key-of-alice'),
  ];
  await closed(server);
  expect(outcomes).toEqual([403, 101, 101]);
});
