/** Forged identity headers without authentication: open routes, optional ones, listeners without certificates. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { statusOf } from '../../support/ask.js';
import { ALICE_KEY, closeGrounds, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { makeCertificates, type Certificates, type Pair } from '../../support/certificates.js';
import { handshake } from '../../support/handshake.js';
import { lookalikesOf, valuesOf, type Message } from '../../support/messages.js';

const HEADERS = [
  ...['X-User-ID', 'X-User-Email', 'X-User-Scopes', 'X-Key-Name', 'X-Operator', 'X-Account'],
  ...['X-Client-Subject', 'X-Client-Serial'],
];
const FORGED = HEADERS.map((name) => `${name}: admin`);

let certificates: Certificates;
let ground: Ground;
beforeAll(async () => {
  certificates = await makeCertificates();
  const { ca, server } = certificates;
  const tls = `cert_file: ${server.cert}, key_file: ${server.key}, ca_file: ${ca}, client_auth: request`;
  const names = 'client_cert_headers: { subject: X-Client-Subject, serial: X-Client-Serial }';
  ground = await openGround({
    listeners: `  - { name: tls, address: "127.0.0.1:PORT2", protocol: https, tls: { ${tls}, ${names} } }`,
    auth: '    mtls: {}',
    routes: '  - { id: holder, path: /holder/*, upstream: backend, auth: { mtls: true } }',
  });
});
afterAll(closeGrounds);
afterAll(() => certificates.remove());

/** The identity headers of every message that arrived. */
const forged = (messages: readonly Message[]): string[][] =>
  messages.map((message) => HEADERS.flatMap((name) => lookalikesOf(message, name).map((field) => field.join(': '))));

describe('HDR-02 a client that sends its own identity on an unauthenticated route', () => {
  test.each([
    ['an open route', get('/public/x', ...FORGED)],
    ['an open route, with a body', request('POST', '/public/x', [...FORGED, 'Content-Length: 2'], 'hi')],
    ['an open route, over HTTP/1.0', get('/public/x', ...FORGED).replace('HTTP/1.1', 'HTTP/1.0')],
    ['an optional route', get('/optional/x', ...FORGED)],
  ])('has no identity on %s', async (_where, bytes) => {
    expect(statusOf(await ground.send(bytes))).toBe(200);
    expect(forged(ground.arrived())).toEqual([[]]);
  });

  test('has no identity on an upgrade of an open route', async () => {
    expect(statusOf(await ground.send(handshake('/public/socket', ...FORGED)))).toBe(101);
    expect(forged(ground.arrived())).toEqual([[]]);
  });

  test('has only the identity of the route’s own method if it also sends headers of another method', async () => {
    expect(statusOf(await ground.send(get('/api/v1/x', `X-API-Key: ${ALICE_KEY['X-API-Key']}`, ...FORGED)))).toBe(200);
    expect(forged(ground.arrived())).toEqual([['x-key-name: alice']]);
  });

  test('twin: a header that is not an identity header passes an open route', async () => {
    const lines = ['X-User: kept', 'X-User-IDs: kept', 'XUserID: kept', 'X-Trace: kept'];
    expect(statusOf(await ground.send(get('/public/x', ...lines)))).toBe(200);
    const [message] = ground.arrived();
    for (const line of lines) expect(message && valuesOf(message, line.split(':')[0] as string)).toEqual(['kept']);
  });
});

/** Raw bytes over TLS, with a certificate or without one. */
function sendTls(bytes: string, pair?: Pair): Promise<string> {
  const read = (path: string): Buffer => readFileSync(path);
  const own = pair && { cert: read(pair.cert), key: read(pair.key) };
  const to = { port: ground.morePorts[0] as number, host: '127.0.0.1', servername: 'localhost' };
  return new Promise((resolve, reject) => {
    const socket = connect({ ...to, ca: read(certificates.ca), ...own }, () => socket.write(bytes));
    socket.once('data', (chunk: Buffer) => (socket.destroy(), resolve(chunk.toString('latin1'))));
    socket.on('error', reject);
  });
}

describe('HDR-19 certificate headers from a client without a certificate', () => {
  const lines = ['X-Client-Subject: CN=admin', 'X_Client_Subject: CN=admin', 'x-client-serial: 01'];

  test.each(['/public/x', '/optional/x'])('are absent upstream of %s, over plain HTTP', async (path) => {
    expect(statusOf(await ground.send(get(path, ...lines)))).toBe(200);
    expect(forged(ground.arrived())).toEqual([[]]);
  });

  test.each([
    ['none', () => undefined],
    ['one of another authority', () => certificates.wrongCa],
    ['an unsigned one', () => certificates.selfSigned],
    ['one that has expired', () => certificates.expired],
  ])('are absent upstream over TLS with %s', async (_which, pair) => {
    expect(statusOf(await sendTls(get('/public/x', ...lines), pair()))).toBe(200);
    expect(forged(ground.arrived())).toEqual([[]]);
    expect(statusOf(await sendTls(get('/holder/x', ...lines), pair()))).toBe(401);
    expect(ground.arrived()).toEqual([]);
  });

  test.each(['/public/x', '/holder/x'])('twin: a verified certificate sets them upstream of %s', async (path) => {
    expect(statusOf(await sendTls(get(path, ...lines), certificates.client))).toBe(200);
    const [message] = ground.arrived();
    expect(message && lookalikesOf(message, 'X-Client-Subject')).toEqual([['x-client-subject', 'CN=svc-a,O=Example']]);
    expect(message && lookalikesOf(message, 'X-Client-Serial')).toHaveLength(1);
  });
});
