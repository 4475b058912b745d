/** The PROXY protocol before TLS: its place, the client certificate behind it, and connections that only look. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import fc from 'fast-check';
import { get } from '../../support/attack-ground.js';
import { balanced, closeBalanced, OFFICE } from '../../support/balanced.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { cases } from '../../support/fast-check-runs.js';
import { valuesOf } from '../../support/messages.js';
import { ANNOUNCING, V1, v2 } from '../../support/proxy-headers.js';
import { until } from '../../support/until.js';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates.remove());
afterEach(closeBalanced);

const BALANCER = { host: '127.0.0.1', localAddress: '127.0.0.1' };
const HTTP = `  - { name: web, address: "127.0.0.1:PORT1", proxy_protocol: { from: [127.0.0.1] } }`;
const https = (more = ''): string =>
  `  - name: secure
    address: "127.0.0.1:PORT2"
    proxy_protocol: { from: [127.0.0.1] }
    tls: { cert_file: ${certificates.server.cert}, key_file: ${certificates.server.key}${more} }`;
/** Sends bytes before the handshake, in the same packet as its start, and a request inside of TLS. */
function beforeTls(
  port: number,
  header: string,
  inside: string,
  { cuts = [], ...options }: ConnectionOptions & { readonly cuts?: readonly number[] } = {},
): Promise<string> {
  return new Promise((resolve) => {
    const plain = connect({ ...BALANCER, port });
    const wire = new Prefixed(plain, Buffer.from(header, 'latin1'), [...cuts]);
    let text = '';
    const secure = connectTls(
      { socket: wire, servername: 'localhost', ca: readFileSync(certificates.ca), ...options },
      () => secure.write(Buffer.from(inside, 'latin1')),
    );
    secure.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    for (const socket of [secure, plain]) socket.on('error', () => undefined);
    plain.on('close', () => resolve(text));
  });
}

/** Writes the prefix and the first write of TLS as one packet, or cut at these places. */
class Prefixed extends Duplex {
  constructor(
    private readonly plain: Socket,
    private prefix: Buffer,
    private readonly cuts: number[],
  ) {
    super();
    plain.on('data', (chunk) => void this.push(chunk));
    plain.on('close', () => this.destroy());
  }

  override _read(): void {
    // Everything is pushed as it arrives.
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const bytes = Buffer.concat([this.prefix, chunk]);
    const cuts = [0, ...this.cuts.splice(0).filter((cut) => cut < bytes.length), bytes.length];
    this.prefix = Buffer.alloc(0);
    const write = (at: number): void => {
      const end = cuts[at + 1];
      if (end === undefined) done();
      else this.plain.write(bytes.subarray(cuts[at], end), () => setImmediate(() => write(at + 1)));
    };
    write(0);
  }
}

const CLOSE = 'Connection: close';

describe('G-07 TLS', () => {
  test('that only looks whether the port is open causes no line', async () => {
    const on = await balanced(`${HTTP}\n${https()}`);
    const before = on.log.length;
    const local = v2({ command: 0x20, family: 0, addresses: '' });
    for (const port of on.ports) {
      for (const bytes of ['', local]) {
        const closed = new Promise<void>((resolve) => {
          const socket = connect({ ...BALANCER, port }, () => socket.end(Buffer.from(bytes, 'latin1')));
          socket.on('error', () => undefined).on('close', () => resolve());
          socket.resume();
        });
        await closed;
      }
    }
    // This process accepts no connection until the other one has reset it. The socket then has no address any more.
    const all = on.ports.flatMap((port) =>
      [local, local + get('/open/x'), V1 + get('/open/x')].map((each) => [port, each]),
    );
    const program = `for (const [port, bytes] of ${JSON.stringify(all)}) {
      const s = require('net').connect(port, '127.0.0.1', () => s.write(bytes, 'latin1', () => s.resetAndDestroy()));
    }`;
    execFileSync(process.execPath, ['-e', program]);
    // The server has handled the connections above when it answers a later one.
    expect(await beforeTls(on.ports[1], V1, get('/open/x', CLOSE))).toMatch(/^HTTP\/1\.1 200 /);
    expect(on.arrived()).toHaveLength(1);
    expect(on.log.slice(before)).toEqual([]);
    expect((await on.page('/metrics')).body).not.toContain('loom_proxy_protocol_faults_total{');
    expect((await on.page('/metrics')).body).not.toContain('loom_client_tls_faults_total{');
  });

  test('a header inside of TLS is a bad request, and TLS before a header is closed', async () => {
    const on = await balanced(`${HTTP}\n${https()}`);
    expect(await beforeTls(on.ports[1], V1, V1 + get('/keys/x', OFFICE, CLOSE))).toMatch(/^HTTP\/1\.1 400 /);
    expect(await beforeTls(on.ports[1], '', V1 + get('/keys/x', OFFICE, CLOSE))).toBe('');
    expect(await beforeTls(on.ports[1], V1 + V1, get('/keys/x', OFFICE, CLOSE))).toBe('');
    expect(on.arrived()).toEqual([]);
    expect((await on.page('/metrics')).body).toMatch(/proxy_protocol_faults_total\{.*cause="missing"\} 1/);
  });

  test('a refused handshake is logged with the announced client', async () => {
    const on = await balanced(`${HTTP}\n${https(`, client_auth: require, ca_file: ${certificates.ca}`)}`, {
      auth: 'middleware: { auth: { mtls: {}, api_key: { keys: [{ key: key-of-the-office-1234, name: office }] } } }',
    });
    expect(await beforeTls(on.ports[1], V1, get('/open/x', CLOSE), { maxVersion: 'TLSv1.2' })).toBe('');
    await until(() => on.log.some(({ words }) => words === 'handshake refused'));
    expect(on.log.find(({ words }) => words === 'handshake refused')?.facts['client']).toBe('198.51.100.8');
  });

  test('twin: any split of the header and the start of the handshake has the same answer', async () => {
    const on = await balanced(`${HTTP}\n${https()}`);
    const cuts = fc.uniqueArray(fc.nat(400), { maxLength: 5 }).map((all) => all.sort((a, b) => a - b));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ANNOUNCING), cuts, async ([, header, client], places) => {
        const around = [header.length - 1, header.length, header.length + 1];
        for (const each of [places, around]) {
          const answer = await beforeTls(on.ports[1], header, get('/keys/x', OFFICE, CLOSE), { cuts: each });
          expect(answer.slice(0, 12)).toBe('HTTP/1.1 200');
          expect(on.arrived().flatMap((message) => valuesOf(message, 'x-forwarded-for'))).toEqual([client]);
        }
      }),
      cases(10, { cost: 50 }),
    );
  });

  test('twin: the header comes before the handshake, and the certificate and the address both count', async () => {
    const { cert, key } = certificates.client;
    const client = { cert: readFileSync(cert), key: readFileSync(key) };
    const on = await balanced(`${HTTP}\n${https(`, client_auth: request, ca_file: ${certificates.ca}`)}`, {
      auth: `middleware: { auth: { mtls: { claims_to_headers: { subject: X-Subject } }, api_key: { keys: [{ key: key-of-the-office-1234, name: office, allowed_ips: [198.51.100.0/24, "2001:db8:5::/48"] }] } } }`,
      routes: `routes: [{ id: both, path: /both/*, upstream: backend, auth: { methods: [mtls, api_key], require_any: false } }]`,
    });
    for (const [which, header, address] of ANNOUNCING) {
      const answer = await beforeTls(on.ports[1], header, get('/both/x', OFFICE, CLOSE), client);
      expect([which, answer.slice(0, 12)]).toEqual([which, 'HTTP/1.1 200']);
      const [message] = on.arrived();
      expect(message && valuesOf(message, 'x-forwarded-for')).toEqual([address]);
      expect(message && valuesOf(message, 'x-subject')).toHaveLength(1);
    }
    const stranger = V1.replace('198.51.100.8', '203.0.113.1');
    expect(await beforeTls(on.ports[1], stranger, get('/both/x', OFFICE, CLOSE), client)).toMatch(/^HTTP\/1\.1 403 /);
    expect(await beforeTls(on.ports[1], V1, get('/both/x', OFFICE, CLOSE))).toMatch(/^HTTP\/1\.1 401 /);
    expect(on.arrived()).toEqual([]);
  });
});
