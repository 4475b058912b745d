/** The name in the ClientHello and the name in the request: a certificate counts only for its own connection. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { ConfigError } from '../../../src/config/diagnostics.js';
import { compileFile } from '../../../src/config/index.js';
import { loom } from '../../../src/loom.js';
import { ask, statusOf } from '../../support/ask.js';
import { closeGrounds } from '../../support/attack-ground.js';
import { answerTo, clientHello, connectInPieces, records, type Hello } from '../../support/client-hello.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { holding, openTlsGround, type TlsGround } from '../../support/tls-ground.js';

let tls: TlsGround;
beforeAll(async () => {
  tls = await openTlsGround({
    routes: `
  - { id: lax, host: a.example, path: /vhost, upstream: backend, auth: none, overlap: true }
  - { id: strict, host: secure.example, path: /vhost, upstream: backend, auth: { mtls: true } }`,
  });
});
afterAll(async () => {
  await closeGrounds();
  await tls.made.remove();
});

const request = (host: string, path = '/vhost', end = 'Connection: close\r\n'): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${end}\r\n`;

/** All bytes of the response, or `refused`. */
function exchange(bytes: string, options: ConnectionOptions, open = openAsking): Promise<string> {
  return new Promise((resolve) => {
    const socket = open({ ca: readFileSync(tls.made.ca), checkServerIdentity: () => undefined, ...options });
    let text = '';
    socket.on('secureConnect', () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text === '' ? 'refused' : text));
  });
}
const openAsking = (options: ConnectionOptions): TLSSocket =>
  connect({ port: tls.asking, host: '127.0.0.1', ...options });
const inPieces = (options: ConnectionOptions): TLSSocket => connectInPieces(tls.asking, options);
const statuses = (text: string): number[] => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code));

describe('TLS-06 a certificate required for one name only', () => {
  const listener = (block: string): string => `
listeners: [{ name: t, address: ":8443", protocol: https, tls: { cert_file: s.pem, key_file: s-key.pem, ca_file: ca.pem, ${block} } }]
routes: [{ path: /*, upstream: far, auth: { mtls: true } }]
upstreams: [{ name: far, endpoints: ["127.0.0.1:1"] }]`;

  test.each([
    'sni: { secure.local: { client_auth: require } }',
    'client_auth: request, sni: [{ host: secure.local, client_auth: require }]',
    'client_auth: { secure.local: require }',
    'client_auth: request, hosts: { secure.local: require }',
    'client_auth: request, server_names: [secure.local]',
    'client_auth: request, certificates: [{ cert_file: b.pem, key_file: b-key.pem, client_auth: require }]',
  ])('no file can configure it: %s', (block) => {
    expect(() => compileFile({ text: listener(block), file: 'loom.yaml' }, { mode: 'serve' })).toThrow(ConfigError);
  });

  test.each(['secure.local', 'SECURE.LOCAL', 'localhost', ''])(
    'the name %j without a certificate is 401 or no handshake',
    async (servername) => {
      expect(statusOf(await exchange(request('secure.local', '/service/x'), { servername }))).toBe(401);
      const demanding = (options: ConnectionOptions) => connect({ port: tls.demanding, host: '127.0.0.1', ...options });
      expect(await exchange(request('secure.local', '/service/x'), { servername }, demanding)).toBe('refused');
      expect(tls.ground.arrived()).toEqual([]);
    },
  );

  /** A host application that relies on `addContext(name, { requestCert: true })`. */
  test('a context of the host’s own server that never requests one is 401', async () => {
    const text = `
middleware: { auth: { mtls: { ca_file: ${tls.made.ca} } } }
routes: [{ path: /*, auth: { mtls: true } }]`;
    const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
    const keys = { ...holding(tls.made.server), ca: readFileSync(tls.made.ca) };
    const server = createServer(keys, (req, res) => gate(req, res, () => res.end()));
    server.addContext('secure.local', { ...keys, requestCert: true, rejectUnauthorized: true } as never);
    const port = await listening(server);
    const open = (options: ConnectionOptions) => connect({ port, host: '127.0.0.1', ...options });
    const answer = await exchange(
      request('secure.local', '/'),
      { servername: 'secure.local', ...holding(tls.made.client) },
      open,
    );
    expect(statusOf(answer)).toBe(401);
    await closed(server);
    await gate.close();
  });

  test('twin: with a certificate each name passes', async () => {
    for (const servername of ['secure.local', 'localhost']) {
      const options = { servername, ...holding(tls.made.client) };
      expect(statusOf(await exchange(request('secure.local', '/service/x'), options))).toBe(200);
    }
    expect(tls.ground.arrived()).toHaveLength(2);
  });
});

describe('TLS-07 one name in the handshake, another in the request', () => {
  const SNI = ['a.example', 'A.EXAMPLE', 'a.example.', 'secure.example', 'SECURE.example', 'secure.example.', ''];
  const HOSTS = ['secure.example', 'SECURE.example', 'secure.example.', 'secure.example:443'];

  test.each(SNI)('with %j in the handshake no spelling of the strict host passes', async (servername) => {
    for (const host of HOSTS) {
      const answer = await exchange(request(host), { servername });
      expect([401, 404]).toContain(statusOf(answer));
    }
    expect(tls.ground.arrived()).toEqual([]);
  });

  test('nor does a hello with one byte in each record', async () => {
    for (const servername of SNI) {
      const answer = await exchange(request('secure.example'), { servername }, inPieces);
      expect(statusOf(answer)).toBe(401);
    }
    expect(tls.ground.arrived()).toEqual([]);
  });

  test('nor a second request on the connection of the lax host', async () => {
    const bytes = request('a.example', '/vhost', '') + request('secure.example');
    expect(statuses(await exchange(bytes, { servername: 'a.example' }))).toEqual([200, 401]);
    expect(tls.ground.arrived()).toHaveLength(1);
  });

  test('nor an absolute target', async () => {
    const bytes = 'GET https://a.example/vhost HTTP/1.1\r\nHost: secure.example\r\nConnection: close\r\n\r\n';
    expect(statuses(await exchange(bytes, { servername: 'a.example' }))).toEqual([400]);
    expect(tls.ground.arrived()).toEqual([]);
  });

  test('twin: the lax host passes under any name, the strict one with a certificate, in pieces too', async () => {
    for (const servername of SNI) expect(statusOf(await exchange(request('a.example'), { servername }))).toBe(200);
    const own = holding(tls.made.client);
    expect(statusOf(await exchange(request('secure.example'), { servername: 'a.example', ...own }))).toBe(200);
    expect(statusOf(await exchange(request('secure.example'), { servername: '', ...own }, inPieces))).toBe(200);
    expect(tls.ground.arrived()).toHaveLength(SNI.length + 2);
  });
});

describe('TLS-19 names and protocols that make a callback throw', () => {
  const NAMES: readonly (readonly [string, Hello])[] = [
    ...['', '.', '..', '...', '\0', 'a\0.example', '__proto__', 'constructor', 'toString', '*', '*.example', '%00'].map(
      (name) => [JSON.stringify(name), { names: [name] }] as const,
    ),
    ...['127.0.0.1', '[::1]', '::1', 'bücher.example', 'xn--', 'a b', 'a\r\nHost: b', '../..', '${jndi:x}', '-'].map(
      (name) => [JSON.stringify(name), { names: [name] }] as const,
    ),
    ['255 bytes', { names: ['a'.repeat(255)] }],
    ['256 bytes', { names: ['a'.repeat(256)] }],
    ['10 KB', { names: ['a'.repeat(10_000)] }],
    ['bytes that are not text', { names: [Buffer.from('fffe80', 'hex')] }],
    ['two names', { names: ['a.example', 'b.example'] }],
    ['TLS-19 names and protocols that make a callback throw', { names: [] }],
    ['a name of another type', { names: ['a.example'], nameType: 7 }],
    ['a list that lies about its length', { extensions: [[0, Buffer.from('00ff00000161', 'hex')]] }],
    ['an empty extension', { extensions: [[0, Buffer.alloc(0)]] }],
    ['the extension twice', { names: ['a'], extensions: [[0, Buffer.from('0004000001' + '61', 'hex')]] }],
  ];
  const PROTOCOLS: readonly (readonly [string, Hello])[] = [
    ...[[''], ['h2'], ['h2c'], ['__proto__'], ['HTTP/1.1'], ['http/1.1\0'], ['http/1.0'], ['spdy/3']].map(
      (protocols) => [`protocols ${JSON.stringify(protocols)}`, { protocols }] as const,
    ),
    ['no protocol', { protocols: [] }],
    ['a thousand protocols', { protocols: Array.from({ length: 1_000 }, (_each, at) => `x${at}`) }],
    ['a protocol of 255 bytes', { protocols: ['x'.repeat(255)] }],
  ];

  test.each([...NAMES, ...PROTOCOLS])('%s: a hello or an end, and the process stays alive', async (_what, hello) => {
    const bytes = clientHello(hello);
    for (const sent of [records(bytes), records(bytes, 64)]) {
      const answer = await answerTo(tls.asking, sent);
      if (hello.protocols) expect(answer.kind).not.toBe('hello');
    }
    expect(tls.ground.output()).not.toMatch(/TypeError|RangeError|Uncaught/);
  });

  test('twin: an honest hello is answered, also after all of these', async () => {
    const answer = await answerTo(
      tls.asking,
      records(clientHello({ names: ['localhost'], protocols: ['h2', 'http/1.1'] })),
    );
    expect(answer).toMatchObject({ kind: 'hello', version: 0x0303 });
    const { status } = await ask({
      port: tls.asking,
      path: '/service/x',
      tls: { ca: readFileSync(tls.made.ca), ...holding(tls.made.client) },
    });
    expect(status).toBe(200);
    tls.ground.arrived();
  });
});
