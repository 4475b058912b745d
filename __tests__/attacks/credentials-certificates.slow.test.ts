/** Attacks through client certificates: expensive ones, changes by a handler, and expiry during a connection. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { readCertificateFields } from '../../src/certificates/fields.js';
import { loom } from '../../src/loom.js';
import { serve } from '../../src/serve/serve.js';
import { ask } from '../support/ask.js';
import { CLIENT, makeCertificates, type Certificates, type Pair } from '../support/certificates.js';
import { growsInProportion } from '../support/growth.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, echoUpstream, listening } from '../support/recording-upstream.js';

let made: Certificates;
beforeAll(async () => {
  made = await makeCertificates();
});
afterAll(() => made.remove());

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const text = (path: string) => readFileSync(path, 'utf8');
const holding = ({ cert, key }: Pair) => ({ cert: text(cert), key: text(key), ca: text(made.ca) });

function tlv(tag: number, ...contents: readonly Buffer[]): Buffer {
  const all = Buffer.concat(contents);
  const size = Buffer.alloc(3);
  size.writeUIntBE(all.length, 0, 3);
  const length = all.length < 128 ? [all.length] : [0x80 + (all.length < 256 ? 1 : all.length < 65_536 ? 2 : 3)];
  const rest = all.length < 128 ? Buffer.alloc(0) : size.subarray(3 - ((length[0] as number) - 0x80));
  return Buffer.concat([Buffer.from([tag, ...length]), rest, all]);
}

/** A certificate that anyone can make. Its subject has one attribute of the given type and length. */
function withLongType(bytes: number): { der: Buffer; cert: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const type = Buffer.alloc(bytes, 0xff);
  type[bytes - 1] = 0x7f;
  const name = (oid: Buffer) => tlv(0x30, tlv(0x31, tlv(0x30, tlv(0x06, oid), tlv(0x0c, Buffer.from('x')))));
  const algorithm = tlv(0x30, tlv(0x06, Buffer.from('2a8648ce3d040302', 'hex')));
  const time = (at: string) => tlv(0x17, Buffer.from(at));
  const tbs = tlv(
    0x30,
    ...[
      tlv(0xa0, tlv(0x02, Buffer.from([2]))),
      tlv(0x02, Buffer.from([1])),
      algorithm,
      name(Buffer.from('550403', 'hex')),
    ],
    ...[tlv(0x30, time('250101000000Z'), time('400101000000Z')), name(type)],
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const der = tlv(0x30, tbs, algorithm, tlv(0x03, Buffer.from([0]), sign('sha256', tbs, privateKey)));
  const cert = `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;
  return { der, cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

async function gateway(clientAuth: string): Promise<number> {
  const [port = 0] = await freePorts(1);
  const echo = await echoUpstream();
  opened.push(() => echo.close());
  const { cert, key } = made.server;
  const file = `
listeners: [{ name: t, address: "127.0.0.1:${port}", protocol: https,
  tls: { cert_file: ${cert}, key_file: ${key}, client_auth: ${clientAuth}, ca_file: ${made.ca}, crl_file: ${made.crl},
    client_cert_headers: { subject: X-Client-Subject } } }]
routes: [{ path: /open, upstream: far, auth: none }, { path: /*, upstream: far, auth: { mtls: true } }]
upstreams: [{ name: far, endpoints: ["127.0.0.1:${echo.port}"] }]`;
  const running = await serve({ text: file, file: 'loom.yaml' }, { log: quietLog() });
  opened.push(() => running.stop({ timeout: 0 }));
  return port;
}

test('an unverified certificate costs linear time in its length', () => {
  expect(readCertificateFields(withLongType(4).der).subject).toMatch(/=#/);
  const read = ({ der }: { readonly der: Buffer }): void => {
    try {
      readCertificateFields(der);
    } catch {
      // A quick refusal is accepted too.
    }
  };
  expect(growsInProportion(withLongType, read, 12_000)).toBe(true);
});

test('a certificate with many names is refused, and other clients are served', async () => {
  const port = await gateway('request');
  const giant = withLongType(96_000);
  const ca = text(made.ca);
  expect((await ask({ port, tls: { ca, cert: giant.cert, key: giant.key } })).status).toBe(401);
  expect((await ask({ port, tls: holding(made.client) })).status).toBe(200);
});

type Named = { [Name in keyof Certificates]: Certificates[Name] extends Pair ? Name : never }[keyof Certificates];

test.each<[Named, number]>([
  ['client', 200],
  ['expired', 401],
  ['notYetValid', 401],
  ['wrongCa', 401],
  ['selfSigned', 401],
  ['wrongUsage', 401],
  ['revoked', 401],
])(
  'if certificates are requested, %s is %i, and no upstream gets its name unless it is verified',
  async (name, status) => {
    const port = await gateway('request');
    const tls = holding(made[name]);
    expect((await ask({ port, tls })).status).toBe(status);
    const open = await ask({
      port,
      path: '/open',
      tls,
      headers: { 'x-client-subject': 'CN=root', x_client_subject: 'CN=root' },
    });
    expect(open.status).toBe(200);
    expect(open.body.includes('CN=svc-a,O=Example')).toBe(status === 200);
    expect(open.body).not.toContain('CN=root');
  },
);

interface Kept {
  readonly ask: (path: string) => Promise<number>;
}

/** Requests over one connection. */
function kept(port: number, pair: Pair): Kept {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  opened.push(() => Promise.resolve(agent.destroy()));
  return {
    ask: (path) =>
      new Promise((resolve, reject) => {
        const to = { host: '127.0.0.1', port, path, agent, servername: 'localhost', ...holding(pair) };
        request(to, (answer) => answer.resume().on('end', () => resolve(answer.statusCode ?? 0)))
          .on('error', reject)
          .end();
      }),
  };
}

async function application(handler: (req: IncomingMessage) => void, now = Date.now): Promise<number> {
  const file = `
middleware: { auth: { mtls: { ca_file: ${made.ca} } } }
routes: [{ path: /admin, auth: { mtls: { sans: ["DNS:admin"] } } }, { path: /*, auth: { mtls: true } }]`;
  const gate = loom({ text: file, file: 'loom.yaml' }, { log: quietLog(), now });
  const server = createServer({ ...holding(made.server), requestCert: true, rejectUnauthorized: false }, (req, res) =>
    gate(req, res, () => {
      handler(req);
      res.end();
    }),
  );
  opened.push(
    () => closed(server, []),
    () => gate.close(),
  );
  return listening(server);
}

test('a change by a handler to the names of a certificate grants nothing', async () => {
  const admin = await made.office.issue('admin', {
    subject: '/CN=admin',
    extensions: [...CLIENT, 'subjectAltName=DNS:admin'],
    issuer: { cert: made.ca, key: made.caKey },
  });
  const port = await application(({ url, auth }) => {
    const { sans } = (auth?.claims ?? {}) as { sans: string[] };
    try {
      if (url === '/change') sans.push('DNS:admin');
    } catch {
      // It may be frozen.
    }
  });
  const [service, root] = [kept(port, made.client), kept(port, admin)];
  expect(await root.ask('/admin')).toBe(200);
  expect(await service.ask('/admin')).toBe(403);
  expect(await service.ask('/change')).toBe(200);
  expect(await service.ask('/admin')).toBe(403);
});

test('a certificate that expires during its connection is no longer an identity', async () => {
  let ahead = 0;
  const port = await application(
    () => undefined,
    () => Date.now() + ahead,
  );
  const service = kept(port, made.client);
  expect(await service.ask('/')).toBe(200);
  ahead = 40 * 86_400_000;
  expect(await service.ask('/')).toBe(401);
});
