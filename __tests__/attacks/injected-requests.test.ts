/** Requests that no server has parsed: what an adapter or a mock claims is no fact, and what cannot be stripped is refused. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Socket } from 'node:net';
import { EventEmitter } from 'node:events';
import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { duplexPair, PassThrough, Readable } from 'node:stream';
import httpMocks from 'node-mocks-http';
import serverlessHttp from 'serverless-http';
import { identitiesOf } from '../../src/admission/identities.js';
import { loom, type Loom } from '../../src/loom.js';
import { writeAuthority } from '../../src/demo/authority.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

const KEY = 'key-of-alice-1234';
const HASH = '$2b$10$4CuUbtpVRbM38wzDxpd2a.eMRHDEI0v6dbk.b4YiVmabz5y27gwA.'; // correct horse
const METHODS = `
    api_key: { keys: [{ key: ${KEY}, name: alice }], query_param: api_key, claims_to_headers: { name: X-User-Id } }
    jwt: { secret: 0123456789abcdef0123456789abcdef, algorithm: HS256, issuer: a.example, audience: b.example, cookie: session }`;
const fileOf = (rest = '', methods = METHODS): string => `
middleware:
  auth:${methods}
    chain: [api_key]
${rest}`;

const folder = mkdtempSync(join(tmpdir(), 'loom-injected-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let ca: string;
let certificate: X509Certificate;
beforeAll(async () => {
  const files = await writeAuthority(folder);
  ca = files.ca;
  certificate = new X509Certificate(readFileSync(files.clientCert));
});

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function gateOf(text: string): { gate: Loom; log: ReturnType<typeof quietLog> } {
  const log = quietLog();
  const gate = loom({ text }, { log });
  closing.push(() => gate.close());
  return { gate, log };
}

interface Seen {
  readonly status: number;
  /** What the host's handler reads; undefined if it was not called. */
  readonly passed?: unknown;
}

/** Calls the gate as a test of a host does. The response is a real one without a connection. */
async function inject(
  gate: Loom,
  request: object,
  read: (req: IncomingMessage) => unknown = () => true,
): Promise<Seen> {
  const req = request as IncomingMessage;
  const res = new ServerResponse(new IncomingMessage(new Socket()));
  let passed: unknown;
  await new Promise<void>((resolve) => {
    res.end = ((): ServerResponse => {
      resolve();
      return res;
    }) as never;
    gate(req, res, () => {
      passed = read(req);
      resolve();
    });
  });
  return passed === undefined ? { status: res.statusCode } : { status: 200, passed };
}

const plain = (more: object = {}): object => ({
  method: 'GET',
  url: '/orders',
  headers: { host: 'api.example.com', 'x-api-key': KEY },
  ...more,
});
const headersOf = (more: object): object => plain({ headers: { host: 'api.example.com', 'x-api-key': KEY, ...more } });

describe('G-27 an injected request claims what only a connection can prove', () => {
  const CLAIMS = {
    encrypted: true,
    authorized: true,
    remoteAddress: '10.0.0.1',
    getPeerX509Certificate: () => certificate,
    getPeerCertificate: () => ({ subject: { CN: 'admin' }, raw: certificate.raw }),
  };
  const sockets: readonly [string, () => object][] = [
    ['an object', () => ({ ...CLAIMS })],
    ['an event emitter', () => Object.assign(new EventEmitter(), CLAIMS)],
    ['a stream', () => Object.assign(new PassThrough(), CLAIMS)],
    [
      'a socket that was never connected',
      () => {
        const socket = new Socket();
        for (const [name, value] of Object.entries(CLAIMS)) Object.defineProperty(socket, name, { value });
        return socket;
      },
    ],
  ];

  test.each(sockets)('a certificate of %s is no identity', async (_kind, socket) => {
    const { gate } = gateOf(`middleware: { auth: { mtls: { ca_file: ${ca} }, chain: [mtls] } }`);
    expect(await inject(gate, plain({ socket: socket() }))).toEqual({ status: 401 });
  });

  test.each(sockets)('%s with the address of a proxy is no trusted peer', async (_kind, socket) => {
    const { gate, log } = gateOf(
      fileOf('trusted_proxies: [10.0.0.0/8, 127.0.0.0/8]\ntrusted_headers: [X-Forwarded-User]'),
    );
    const request = headersOf({ 'x-forwarded-for': '203.0.113.7', 'x-forwarded-user': 'admin', 'x-api-key': 'wrong' });
    expect(await inject(gate, { ...request, socket: socket() })).toEqual({ status: 401 });
    expect(JSON.stringify(log.entries)).toContain('unknown via 10.0.0.1');
    expect(JSON.stringify(log.entries)).not.toContain('203.0.113.7');
    const good = headersOf({ 'x-forwarded-user': 'admin' });
    const read = (req: IncomingMessage): unknown => req.headers['x-forwarded-user'] ?? 'stripped';
    expect(await inject(gate, { ...good, socket: socket() }, read)).toEqual({ status: 200, passed: 'stripped' });
  });

  test.each(sockets)('%s with an allowed address does not lift `allowed_ips`', async (_kind, socket) => {
    const methods = `\n    api_key: { keys: [{ key: ${KEY}, name: alice, allowed_ips: [10.0.0.0/8, 127.0.0.1] }] }`;
    const { gate } = gateOf(fileOf('', methods));
    expect((await inject(gate, plain({ socket: socket() }))).status).toBe(403);
    expect((await inject(gate, plain())).status).toBe(403);
  });

  test.each(sockets)(
    '%s with the address of a proxy does not choose the host of the cross-site check',
    async (_kind, socket) => {
      const { gate } = gateOf(
        `trusted_proxies: [10.0.0.0/8]\nmiddleware: { auth: { basic: { users: [{ username: ada, password_hash: "${HASH}" }] }, chain: [basic] } }`,
      );
      const authorization = `Basic ${Buffer.from('ada:correct horse').toString('base64')}`;
      const asked = (origin: string) =>
        inject(gate, {
          method: 'POST',
          url: '/orders',
          headers: { host: 'api.example.com', authorization, origin, 'x-forwarded-host': 'evil.example' },
          socket: socket(),
        });
      expect(await asked('https://evil.example')).toEqual({ status: 403 });
      expect(await asked('https://api.example.com')).toMatchObject({ status: 200 });
    },
  );

  test('an address that a client can choose does not give a new bucket for each value', async () => {
    const { gate } = gateOf(fileOf('rate_limit: { rate: 1, burst: 1, key: ip }'));
    const asked = (remoteAddress: string) => inject(gate, plain({ socket: { remoteAddress } }));
    expect((await asked('203.0.113.1, 10.0.0.1')).status).toBe(200);
    expect((await asked('203.0.113.2, 10.0.0.1')).status).toBe(429);
    expect((await asked('203.0.113.3:4444')).status).toBe(429);
  });
});

describe('G-27 views that an adapter keeps or computes anew', () => {
  const views = (req: IncomingMessage): unknown => [
    req.headers['x-user-id'],
    req.headersDistinct['x-user-id'],
    req.rawHeaders.filter((_, at) => at % 2 === 1 && /user.id/i.test(req.rawHeaders[at - 1] ?? '')),
    Object.keys(req.headers).filter((name) => /user.id/i.test(name)),
    identitiesOf(req).map(({ subject }) => subject),
  ];
  const ALICE = ['alice', ['alice'], ['alice'], ['x-user-id'], ['alice']];
  const forged = { 'X-User-Id': 'admin', x_user_id: 'admin', 'x-user-id': ['admin', 'root'] };

  test.each<[string, () => object]>([
    ['plain headers', () => headersOf(forged)],
    [
      'raw headers too',
      () => ({ ...headersOf(forged), rawHeaders: ['Host', 'a', 'X-API-Key', KEY, 'X-User-Id', 'admin'] }),
    ],
    ['frozen headers', () => plain({ headers: Object.freeze({ host: 'a', 'x-api-key': KEY, ...forged }) })],
    [
      'headers that a getter computes anew',
      () =>
        Object.defineProperty(plain(), 'headers', {
          configurable: true,
          get: () => ({ host: 'a', 'x-api-key': KEY, ...forged }),
        }),
    ],
    [
      'headers of a class',
      () =>
        new (class {
          method = 'GET';
          url = '/orders';
          get headers() {
            return { host: 'a', 'x-api-key': KEY, ...forged };
          }
          get rawHeaders() {
            return undefined;
          }
        })(),
    ],
    ['headersDistinct of its own', () => ({ ...headersOf(forged), headersDistinct: { 'x-user-id': ['admin'] } })],
    [
      'an IncomingMessage without raw headers',
      () => Object.assign(new IncomingMessage(new PassThrough() as never), headersOf(forged), { httpVersion: '1.1' }),
    ],
  ])('%s: the identity header is the one of Loom in every view', async (_kind, request) => {
    const { gate } = gateOf(fileOf());
    expect(await inject(gate, request(), views)).toEqual({ status: 200, passed: ALICE });
  });

  test('trailers of a mock lose the identity header', async () => {
    const { gate } = gateOf(fileOf());
    const read = (req: IncomingMessage): unknown => [req.trailers, req.rawTrailers, { ...req.trailersDistinct }];
    const request = plain({ trailers: { 'x-user-id': 'admin', checksum: 'a' } });
    expect(await inject(gate, request, read)).toEqual({
      status: 200,
      passed: [{ checksum: 'a' }, ['checksum', 'a'], { checksum: ['a'] }],
    });
  });

  test.each<[string, () => object]>([
    ['a frozen request', () => Object.freeze(headersOf(forged))],
    [
      'headers that cannot be replaced',
      () =>
        Object.defineProperty({ method: 'GET', url: '/' }, 'headers', { get: () => ({ host: 'a', 'x-api-key': KEY }) }),
    ],
    ['a proxy that ignores changes', () => new Proxy(headersOf(forged), { defineProperty: () => true })],
    [
      'a getter that throws',
      () =>
        Object.defineProperty(plain(), 'rawHeaders', {
          get: () => {
            throw new Error('mine');
          },
        }),
    ],
    ['no headers', () => ({ method: 'GET', url: '/orders' })],
    ['nothing at all', () => ({})],
    ['a header that is an object', () => headersOf({ 'x-user-id': { toString: () => 'admin' } })],
  ])('%s: 500, with a line in the log', async (_kind, request) => {
    const { gate, log } = gateOf(fileOf('metrics: {}\nlogging: { access: {} }'));
    expect(await inject(gate, request())).toEqual({ status: 500 });
    expect(log.entries.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test.each([
    ['a line break in a value', { 'x-a': 'b\r\nx-user-id: admin' }],
    ['a space in a name', { 'x-user-id ': 'admin' }],
    ['an empty name', { '': 'admin' }],
    ['a letter outside of Latin-1', { 'x-a': '日本' }],
    ['two spellings of one credential', { 'X-API-KEY': 'other' }],
    ['two hosts', { host: ['a', 'b'] }],
    ['a length and chunks', { 'content-length': '1', 'transfer-encoding': 'chunked' }],
  ])('%s: 400', async (_kind, more) => {
    const { gate } = gateOf(fileOf());
    expect(await inject(gate, headersOf(more))).toEqual({ status: 400 });
  });

  test('a URL that changes between two reads is read once', async () => {
    const { gate } = gateOf(fileOf('routes: [{ id: open, path: /public, auth: none }, { id: all, path: /* }]'));
    let reads = 0;
    const request = Object.defineProperty({ method: 'GET', headers: { host: 'a' } }, 'url', {
      configurable: true,
      get: () => (reads++ === 0 ? '/public' : '/admin'),
    });
    expect(await inject(gate, request, (req) => req.url)).toEqual({ status: 200, passed: '/public' });
  });
});

describe('G-27 merged headers that hide two credentials', () => {
  test.each([
    ['two keys', { 'x-api-key': `${KEY}, other` }],
    ['one key twice', { 'x-api-key': `${KEY}, ${KEY}` }],
    ['two keys without a space', { 'x-api-key': `${KEY},${KEY}` }],
    ['two keys in a list', { 'x-api-key': [KEY, KEY] }],
    ['two tokens', { authorization: 'Bearer a.b.c, Bearer d.e.f' }],
    ['a token behind another scheme', { authorization: 'Digest a, bearer d.e.f' }],
    ['a cookie behind a comma', { cookie: 'theme=dark, session=a.b.c' }],
  ])('%s: 400, on an open route too', async (_kind, more) => {
    const { gate } = gateOf(fileOf('routes: [{ id: open, path: /public, auth: none }, { id: all, path: /* }]'));
    expect(await inject(gate, headersOf(more))).toEqual({ status: 400 });
    expect(await inject(gate, { ...headersOf(more), url: '/public' })).toEqual({ status: 400 });
  });

  test('twin: commas elsewhere are no credential', async () => {
    const { gate } = gateOf(fileOf());
    const more = { accept: 'text/html, */*', cookie: 'theme=a,b', authorization: 'Digest realm="a", nonce="b"' };
    expect((await inject(gate, headersOf(more))).status).toBe(200);
  });

  test('an adapter of API Gateway that joins two lines', async () => {
    const { gate } = gateOf(fileOf());
    const handler = serverlessHttp((req: IncomingMessage, res: ServerResponse) => gate(req, res, () => res.end('in')));
    const event = {
      httpMethod: 'GET',
      path: '/orders',
      headers: { host: 'a' },
      multiValueHeaders: { 'X-API-Key': [KEY, 'other'] },
      body: '',
      requestContext: { identity: { sourceIp: '203.0.113.9' } },
    };
    expect(await handler(event, {})).toMatchObject({ statusCode: 400 });
  });
});

describe('G-27 a refused injected request in the code of a host', () => {
  test.each([
    ['malformed', { 'x-a': 'b\r\nc' }],
    ['with two keys', { 'x-api-key': `${KEY}, other` }],
    ['with a wrong key', { 'x-api-key': 'wrong' }],
  ])('%s: `onDenied` does not see the identity header of the client', async (_kind, more) => {
    const seen: unknown[] = [];
    const gate = loom(
      { text: fileOf() },
      {
        log: quietLog(),
        onDenied: (denial, req, res) => {
          seen.push(req.headers['x-user-id'], req.rawHeaders.includes('admin'));
          res.statusCode = denial.status;
          res.end();
        },
      },
    );
    closing.push(() => gate.close());
    expect((await inject(gate, headersOf({ 'x-user-id': 'admin', ...more }))).status).toBeGreaterThanOrEqual(400);
    expect(seen).toEqual([undefined, false]);
  });

  test('an unreadable request does not reach `onDenied`', async () => {
    const onDenied = jest.fn();
    const gate = loom({ text: fileOf() }, { log: quietLog(), onDenied });
    closing.push(() => gate.close());
    expect(await inject(gate, Object.freeze(headersOf({ 'x-user-id': 'admin' })))).toEqual({ status: 500 });
    expect(onDenied).not.toHaveBeenCalled();
  });

  test('an upgrade of a mock is refused on its socket', () => {
    const { gate } = gateOf(fileOf());
    for (const request of [{}, Object.freeze(plain()), plain()]) {
      const socket = new PassThrough();
      gate.upgrade(request as IncomingMessage, socket, Buffer.alloc(0));
      expect(String(socket.read())).toMatch(/^HTTP\/1.1 (?:500|400) /);
    }
  });

  test('a request with a real socket and without raw headers is stripped', async () => {
    const { gate } = gateOf(fileOf());
    const server = createServer(({ socket }, res) => {
      const request = Object.freeze({ host: 'a', 'x-api-key': KEY, 'x-user-id': 'admin' });
      const given = { method: 'GET', url: '/orders', socket, headers: request } as unknown as IncomingMessage;
      gate(given, res, () => res.end(given.headers['x-user-id']));
    });
    const port = await listening(server);
    closing.push(() => closed(server, []));
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('alice');
  });
});

describe('G-27 bodies of injected requests', () => {
  test('a length that is too short does not smuggle a request to the upstream', async () => {
    const paths: (string | undefined)[] = [];
    const upstream = createServer((req, res) => {
      paths.push(req.url);
      req.resume().on('end', () => res.end('ok'));
    });
    const port = await listening(upstream);
    closing.push(() => closed(upstream, []));
    const { gate } = gateOf(
      fileOf(
        `upstreams: [{ name: up, endpoints: ["127.0.0.1:${port}"] }]\nroutes: [{ id: all, path: /*, upstream: up }]`,
      ),
    );
    const gatekeeper = createServer((_req, res) => {
      const body = Readable.from([Buffer.from('abcGET /admin HTTP/1.1\r\nHost: a\r\n\r\n')]);
      const headers = { host: 'a', 'x-api-key': KEY, 'content-length': '3' };
      gate(Object.assign(body, { method: 'POST', url: '/orders', headers }) as never, res, () => undefined);
    });
    const own = await listening(gatekeeper);
    closing.push(() => closed(gatekeeper, []));
    const ask = async (): Promise<number> => (await fetch(`http://127.0.0.1:${own}/`)).status;
    expect([await ask(), await ask()]).toEqual([200, 200]);
    expect(paths).toEqual(['/orders', '/orders']);
  });

  test('a mock without a stream is not forwarded', async () => {
    const { gate, log } = gateOf(
      fileOf('upstreams: [{ name: up, endpoints: ["127.0.0.1:9"] }]\nroutes: [{ id: all, path: /*, upstream: up }]'),
    );
    expect(await inject(gate, plain())).toEqual({ status: 500 });
    expect(JSON.stringify(log.entries)).toContain('cannot be forwarded');
  });
});

describe('G-27 twin: honest injected requests', () => {
  test('a mock with a key passes, without a socket and without a Host', async () => {
    const { gate } = gateOf(fileOf());
    expect(await inject(gate, { method: 'GET', url: '/orders', headers: { 'X-Api-Key': KEY } })).toMatchObject({
      status: 200,
    });
    expect(await inject(gate, { method: 'GET', url: `/orders?api_key=${KEY}`, headers: {} })).toMatchObject({
      status: 200,
    });
    const request = httpMocks.createRequest({ method: 'GET', url: '/orders', headers: { 'x-api-key': KEY } });
    expect(await inject(gate, request)).toMatchObject({ status: 200 });
  });

  test('a stream that a host passes to its server is read by the parser of Node, and doubles are seen', async () => {
    const { gate } = gateOf(fileOf());
    const server = createServer((req, res) => gate(req, res, () => res.end(identitiesOf(req)[0]?.subject)));
    const ask = (keys: string): Promise<string> =>
      new Promise((resolve) => {
        const [client, connection] = duplexPair();
        server.emit('connection', connection);
        let text = '';
        client.on('data', (part: Buffer) => (text += part.toString())).on('end', () => resolve(text));
        client.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${keys}\r\n`);
      });
    expect(await ask(`X-API-Key: ${KEY}\r\nX-User-Id: admin\r\n`)).toMatch(/^HTTP\/1.1 200 [^]*alice/);
    expect(await ask(`X-API-Key: ${KEY}\r\nX-API-Key: ${KEY}\r\n`)).toMatch(/^HTTP\/1.1 400 /);
  });

  test('a trusted proxy on a connection may send its header', async () => {
    const { gate } = gateOf(fileOf('trusted_proxies: [127.0.0.1]\ntrusted_headers: [X-Forwarded-User]'));
    const server = createServer((req, res) => gate(req, res, () => res.end(req.headers['x-forwarded-user'])));
    const port = await listening(server);
    closing.push(() => closed(server, []));
    const headers = { 'x-api-key': KEY, 'x-forwarded-user': 'carol', 'x-forwarded-for': '203.0.113.7' };
    expect(await (await fetch(`http://127.0.0.1:${port}/`, { headers })).text()).toBe('carol');
  });
});
