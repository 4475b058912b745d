/** Upstreams over TLS with an untrusted certificate: no byte of a request reaches them. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { statusOf } from '../../support/ask.js';
import { ALICE_KEY, closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { makeCertificates, type Certificates, type Pair } from '../../support/certificates.js';
import { handshake } from '../../support/handshake.js';
import { closed } from '../../support/recording-upstream.js';

interface Far {
  readonly port: number;
  /** The targets of all requests. */
  readonly asked: string[];
  /** The name of each client certificate that was sent. */
  readonly shown: (string | undefined)[];
  close(): Promise<void>;
}

async function far(pair: Pair, ca: string): Promise<Far> {
  const asked: string[] = [];
  const shown: (string | undefined)[] = [];
  const sockets: TLSSocket[] = [];
  const keys = { cert: readFileSync(pair.cert), key: readFileSync(pair.key), ca: readFileSync(ca) };
  const server = createServer({ ...keys, requestCert: true, rejectUnauthorized: false }, (req, res) => {
    asked.push(req.url ?? '');
    res.end('far');
  });
  server.on('upgrade', (req, socket) => {
    asked.push(req.url ?? '');
    socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n');
  });
  server.on('secureConnection', (socket) => {
    sockets.push(socket);
    const { subject } = socket.getPeerCertificate() as { subject?: { CN?: string } };
    shown.push(subject?.CN);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, asked, shown, close: () => closed(server, sockets) };
}

let made: Certificates;
let ground: Ground;
const fars: Record<string, Far> = {};

/** The certificate of each upstream. Only the first one is trusted. */
async function pairs(): Promise<Readonly<Record<string, Pair>>> {
  const issuer = { cert: made.ca, key: made.caKey };
  const names = (san: string) => ['extendedKeyUsage=serverAuth', `subjectAltName=${san}`];
  const order = { subject: '/CN=127.0.0.1', issuer };
  const own = names('IP:127.0.0.1');
  const [selfsigned, expired, early, host, nameless, usage, wrong] = await Promise.all([
    made.office.issue('up-self', { subject: '/CN=127.0.0.1', extensions: own }),
    made.office.issue('up-old', { ...order, extensions: own, from: '20200101000000Z', until: '20210101000000Z' }),
    made.office.issue('up-early', { ...order, extensions: own, from: '20480101000000Z', until: '20490101000000Z' }),
    made.office.issue('up-host', { ...order, extensions: names('DNS:other.example,DNS:127.0.0.1') }),
    made.office.issue('up-nameless', { ...order, extensions: ['extendedKeyUsage=serverAuth'] }),
    made.office.issue('up-usage', { ...order, extensions: ['extendedKeyUsage=clientAuth', own[1] ?? ''] }),
    made.office.issue('up-wrong', {
      subject: '/CN=127.0.0.1',
      extensions: own,
      issuer: { cert: made.otherCa, key: made.office.path('other-ca-key.pem') },
    }),
  ]);
  return { good: made.server, selfsigned, expired, early, host, nameless, usage, wrong };
}

const BAD = ['selfsigned', 'expired', 'early', 'host', 'nameless', 'usage', 'wrong'] as const;

beforeAll(async () => {
  made = await makeCertificates();
  for (const [name, pair] of Object.entries(await pairs())) fars[name] = await far(pair, made.ca);
  const port = (name: string): number => fars[name]?.port ?? 0;
  const upstream = (name: string, to: string, tls: string): string =>
    `  - { name: ${name}, endpoints: ["127.0.0.1:${port(to)}"], tls: { enabled: true${tls} } }`;
  const ca = `, ca_file: ${made.ca}`;
  const own = `, cert_file: ${made.client.cert}, key_file: ${made.client.key}`;
  const names = ['good', ...BAD];
  ground = await openGround({
    routes: [...names, 'roots', 'url', 'known', 'lax']
      .map((name) => `  - { id: to-${name}, path: /to/${name}, upstream: ${name}, auth: { api_key: true } }`)
      .join('\n'),
    upstreams: [
      ...names.map((name) => upstream(name, name, ca)),
      upstream('roots', 'good', ''),
      `  - { name: url, endpoints: ["https://127.0.0.1:${port('good')}"] }`,
      upstream('known', 'good', ca + own),
      upstream('lax', 'selfsigned', ', insecure_skip_verify: true'),
    ].join('\n'),
  });
});
afterAll(async () => {
  await closeGrounds();
  await Promise.all(Object.values(fars).map((each) => each.close()));
  await made.remove();
});

const KEY_LINE = `X-API-Key: ${ALICE_KEY['X-API-Key']}`;
const asked = (): readonly string[] => Object.values(fars).flatMap((each) => each.asked.splice(0));

describe('TLS-24 an upstream that is not the expected one', () => {
  test.each([...BAD, 'roots', 'url'])('%s: 502, and it never gets the request', async (name) => {
    const answer = await ground.send(get(`/to/${name}`, KEY_LINE));
    expect(statusOf(answer)).toBe(502);
    expect(answer).toContain('"code":"upstream_unreachable"');
    expect(answer).not.toMatch(/certificate|CERT|127\.0\.0\.1|altname/i);
    expect(asked()).toEqual([]);
  });

  test.each([...BAD, 'roots', 'url'])('%s: 502 for an upgrade too', async (name) => {
    expect(statusOf(await ground.send(handshake(`/to/${name}`, KEY_LINE)))).toBe(502);
    expect(asked()).toEqual([]);
  });

  test('if the check is disabled on purpose, the start warns', async () => {
    expect(statusOf(await ground.send(get('/to/lax', KEY_LINE)))).toBe(200);
    expect(asked()).toEqual(['/to/lax']);
    expect(ground.output()).toMatch(/"path":"upstreams\[\d+\]\.tls\.insecure_skip_verify"/);
    expect(ground.output().match(/insecure_skip_verify/g)).toHaveLength(1);
  });

  test('the certificate of the gateway is sent only to the upstream for which it is configured', async () => {
    fars['good']?.shown.splice(0);
    await ground.send(get('/to/good', KEY_LINE));
    await ground.send(get('/to/known', KEY_LINE));
    // A kept connection may be used again. Then no certificate is sent.
    expect(fars['good']?.shown).toEqual(expect.arrayContaining(['svc-a']));
    expect(fars['good']?.shown.filter((each) => each === 'svc-a')).toHaveLength(1);
    asked();
  });

  test('twin: the right one gets the request, and the upgrade', async () => {
    expect(statusOf(await ground.send(get('/to/good', KEY_LINE)))).toBe(200);
    expect(statusOf(await ground.send(handshake('/to/good', KEY_LINE)))).toBe(426);
    expect(asked()).toEqual(['/to/good', '/to/good']);
  });
});
