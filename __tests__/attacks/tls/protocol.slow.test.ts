/**
 * Versions, suites and protocols: nothing below TLS 1.2, nothing but AEAD with forward secrecy, no early data, no HTTP/2.
 *
 * @needs openssl
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect, type ConnectionOptions } from 'node:tls';
import { closeGrounds, get } from '../../support/attack-ground.js';
import { makeCertificates } from '../../support/certificates.js';
import { answerTo, clientHello, records } from '../../support/client-hello.js';
import { freePorts } from '../../support/ports.js';
import { statusOf } from '../../support/ask.js';
import { openTlsGround, type TlsGround } from '../../support/tls-ground.js';

let tls: TlsGround;
let rsa = 0;
beforeAll(async () => {
  [rsa = 0] = await freePorts(1);
  const made = await makeCertificates();
  const server = await made.office.issue('rsa-server', {
    subject: '/CN=localhost',
    extensions: ['subjectAltName=DNS:localhost'],
    issuer: { cert: made.ca, key: made.caKey },
    key: 'rsa2048',
  });
  // Suites with an RSA key exchange need such a key.
  const files = `cert_file: ${server.cert}, key_file: ${server.key}`;
  tls = await openTlsGround({
    made,
    listeners: `  - { name: rsa, address: "127.0.0.1:${rsa}", protocol: https, tls: { ${files} } }`,
  });
});
afterAll(async () => {
  await closeGrounds();
  await tls.made.remove();
});

/** What `openssl s_client` prints, at a level that lets the client offer anything. */
function client(port: number, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve) => {
    const all = ['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', tls.made.ca, ...args];
    const child = execFile('openssl', all, (_error, stdout, stderr) => resolve(stdout + stderr));
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** RFC 5246 and its kin: CBC, RC4, 3DES, NULL, EXPORT, anonymous, static RSA, DHE and pre-shared keys. */
const WEAK_SUITES: Readonly<Record<string, number>> = {
  TLS_NULL_WITH_NULL_NULL: 0x0000,
  TLS_RSA_WITH_NULL_SHA256: 0x003b,
  TLS_RSA_EXPORT_WITH_RC4_40_MD5: 0x0003,
  TLS_RSA_WITH_RC4_128_SHA: 0x0005,
  TLS_RSA_WITH_3DES_EDE_CBC_SHA: 0x000a,
  TLS_DH_anon_WITH_AES_128_CBC_SHA: 0x0034,
  TLS_DH_anon_WITH_AES_128_GCM_SHA256: 0x00a6,
  TLS_ECDH_anon_WITH_AES_128_CBC_SHA: 0xc018,
  TLS_RSA_WITH_AES_128_CBC_SHA: 0x002f,
  TLS_RSA_WITH_AES_256_CBC_SHA256: 0x003d,
  TLS_RSA_WITH_AES_128_GCM_SHA256: 0x009c,
  TLS_DHE_RSA_WITH_AES_128_CBC_SHA: 0x0033,
  TLS_DHE_RSA_WITH_AES_128_GCM_SHA256: 0x009e,
  TLS_ECDHE_RSA_WITH_NULL_SHA: 0xc010,
  TLS_ECDHE_RSA_WITH_RC4_128_SHA: 0xc011,
  TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA: 0xc012,
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 0xc009,
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 0xc013,
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384: 0xc028,
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384: 0xc024,
  TLS_RSA_WITH_CAMELLIA_128_CBC_SHA: 0x0041,
  TLS_RSA_WITH_SEED_CBC_SHA: 0x0096,
  TLS_RSA_WITH_AES_128_CCM_8: 0xc0a0,
  TLS_PSK_WITH_AES_128_GCM_SHA256: 0x00a8,
};
const STRONG_SUITES: Readonly<Record<string, number>> = {
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 0xc02f,
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 0xc030,
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca8,
};
const STRONG_ECDSA_SUITES: Readonly<Record<string, number>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 0xc02b,
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 0xc02c,
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca9,
};

const PROTOCOL_VERSION = 70;
const HANDSHAKE_FAILURE = 40;

describe('TLS-21 what a downgrade would need', () => {
  test.each([
    ['SSL 3.0', 0x0300],
    ['TLS 1.0', 0x0301],
    ['TLS 1.1', 0x0302],
  ])('%s: an alert', async (_name, version) => {
    const ciphers = [...Object.values(STRONG_SUITES), ...Object.values(WEAK_SUITES)];
    for (const port of [rsa, tls.asking]) {
      const answer = await answerTo(port, records(clientHello({ version, ciphers })));
      // What speaks no TLS at all is not even told which version would do.
      expect(answer).toHaveProperty('description', version === 0x0300 ? HANDSHAKE_FAILURE : PROTOCOL_VERSION);
    }
  });

  test('SSL 2.0: an end', async () => {
    const hello = Buffer.from(
      `802e0100020015000000100100800200800300800400800500800600400700c0${'41'.repeat(16)}`,
      'hex',
    );
    expect((await answerTo(rsa, hello)).kind).not.toBe('hello');
  });

  test.each(Object.entries(WEAK_SUITES))('%s: an alert', async (_name, cipher) => {
    for (const port of [rsa, tls.asking])
      expect(await answerTo(port, records(clientHello({ ciphers: [cipher] })))).toEqual({
        kind: 'alert',
        description: HANDSHAKE_FAILURE,
      });
  });

  test('offered beside an honest suite, none of them is chosen', async () => {
    const answer = await answerTo(rsa, records(clientHello({ ciphers: [...Object.values(WEAK_SUITES), 0xc02f] })));
    expect(answer).toEqual({ kind: 'hello', version: 0x0303, cipher: 0xc02f });
  });

  test('compression is not chosen (CRIME)', async () => {
    const printed = await client(rsa, ['-tls1_2', '-comp']);
    expect(printed).toContain('Compression: NONE');
    expect((await answerTo(rsa, records(clientHello({ compression: [1, 0] })))).kind).toBe('hello');
    expect((await answerTo(rsa, records(clientHello({ compression: [1] })))).kind).not.toBe('hello');
  });

  test('a ticket allows no early data, and early bytes reach no upstream', async () => {
    const session = tls.made.office.path('early.pem');
    const early = tls.made.office.path('early.txt');
    writeFileSync(early, get('/open/early', 'Connection: close'));
    const first = await client(rsa, ['-tls1_3', '-sess_out', session], get('/open/first', 'Connection: close'));
    expect(first).not.toMatch(/Max Early Data: [1-9]/);
    tls.ground.arrived();
    const second = await client(rsa, ['-tls1_3', '-sess_in', session, '-early_data', early], '');
    expect(second).not.toContain('Early data was accepted');
    expect(tls.ground.arrived()).toEqual([]);
  });

  test.each([...Object.entries(STRONG_SUITES)])('twin: %s is chosen for an RSA key', async (_name, cipher) => {
    expect(await answerTo(rsa, records(clientHello({ ciphers: [cipher] })))).toMatchObject({ kind: 'hello', cipher });
  });

  test.each([...Object.entries(STRONG_ECDSA_SUITES)])('twin: %s is chosen for an EC key', async (_name, cipher) => {
    expect(await answerTo(tls.asking, records(clientHello({ ciphers: [cipher] })))).toMatchObject({
      kind: 'hello',
      cipher,
    });
  });

  test('twin: openssl speaks TLS 1.2 and 1.3', async () => {
    expect(await client(rsa, ['-tls1_2'])).toMatch(/Cipher is ECDHE-RSA-AES(?:128|256)-GCM/);
    expect(await client(rsa, ['-tls1_3'])).toMatch(/Cipher is TLS_(?:AES|CHACHA20)/);
  });
});

const speak = (bytes: string | Buffer, options: ConnectionOptions = {}): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect({ port: rsa, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    let text = '';
    socket.on('secureConnect', () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const frame = (type: number, flags: number, payload: Buffer, stream = 1): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

/** HTTP/2 is not offered, so its frames never meet a parser of theirs. */
describe('TLS-20 frames of HTTP/2', () => {
  test.each(['h2', 'h2c', 'h3'])('a client that speaks only %s gets an alert', async (protocol) => {
    const answer = await answerTo(rsa, records(clientHello({ protocols: [protocol] })));
    expect(answer).toEqual({ kind: 'alert', description: 120 });
  });

  const FLOODS: readonly (readonly [string, Buffer])[] = [
    ['a preface', Buffer.alloc(0)],
    ['malformed HEADERS', frame(1, 4, Buffer.from('ffffffffff', 'hex'))],
    ['WINDOW_UPDATE of nothing', Buffer.concat(Array.from({ length: 200 }, () => frame(8, 0, Buffer.alloc(4), 0)))],
    [
      'rapid resets',
      Buffer.concat(Array.from({ length: 200 }, (_each, at) => frame(3, 0, Buffer.alloc(4), 2 * at + 1))),
    ],
    ['CONTINUATION without end', Buffer.concat(Array.from({ length: 200 }, () => frame(9, 0, Buffer.alloc(64, 0x40))))],
  ];

  test.each(FLOODS)('%s: refused as no HTTP/1.1, over TLS and in the clear', async (_what, frames) => {
    const bytes = Buffer.concat([Buffer.from(PREFACE), frame(4, 0, Buffer.alloc(0), 0), frames]);
    expect(statusOf(await speak(bytes))).toBe(400);
    expect(statusOf(await tls.ground.send(bytes.toString('latin1')))).toBe(400);
    expect(tls.ground.arrived()).toEqual([]);
  });

  test('an upgrade to h2c is ignored', async () => {
    const bytes = get('/open/x', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk');
    expect(statusOf(await tls.ground.send(bytes))).toBe(200);
    const [message, ...more] = tls.ground.arrived();
    expect(more).toEqual([]);
    expect(message?.raw).not.toMatch(/^(?:upgrade|http2-settings):/im);
  });

  test('twin: a client that also speaks http/1.1 gets it', async () => {
    const answer = await speak(get('/open/x', 'Connection: close'), { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(statusOf(answer)).toBe(200);
    expect(tls.ground.arrived()).toHaveLength(1);
  });
});
