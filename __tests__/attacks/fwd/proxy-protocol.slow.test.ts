/** A PROXY preface on a listener without `proxy_protocol`: it is not a request, for any sender and content. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ConfigError, loom } from '../../../src/index.js';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { lookalikesOf } from '../../support/messages.js';

let certificates: Certificates;
let ground: Ground;
let behind: Ground;
beforeAll(async () => {
  certificates = await makeCertificates();
  const { cert, key } = certificates.server;
  const listeners = `  - { name: tls, address: "127.0.0.1:PORT2", protocol: https, tls: { cert_file: ${cert}, key_file: ${key} } }`;
  [ground, behind] = await Promise.all([
    openGround({ listeners }),
    openGround({ listeners, top: 'trusted_proxies: [127.0.0.1]' }),
  ]);
});
afterAll(closeGrounds);
afterAll(() => certificates.remove());

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const u16 = (value: number): string => String.fromCharCode(value >> 8, value & 0xff);
const IPV4 = '\xcb\x00\x71\x09\x7f\x00\x00\x01' + u16(4711) + u16(443);

/** A version 2 preface: PROXY over TCP4, with these bytes after the addresses and optionally another length. */
function v2(tlv = '', { command = '\x21', family = '\x11', length = IPV4.length + tlv.length } = {}): string {
  return `${SIGNATURE}${command}${family}${u16(length)}${IPV4}${tlv}`;
}

const PREFACES: [string, string][] = [
  ['TCP4', 'PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n'],
  ['TCP6', 'PROXY TCP6 2001:db8::9 ::1 4711 443\r\n'],
  ['UNKNOWN', 'PROXY UNKNOWN\r\n'],
  ['UNKNOWN with addresses', 'PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'],
  ['a line that is too long', `PROXY TCP4 ${'1'.repeat(200)} 127.0.0.1 1 2\r\n`],
  ['a bare line feed', 'PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\n'],
  ['in lower case', 'proxy tcp4 203.0.113.9 127.0.0.1 4711 443\r\n'],
  ['an HTTP version after it', 'PROXY TCP4 HTTP/1.1\r\n'],
  ['version 2', v2()],
  ['version 2, LOCAL', v2('', { command: '\x20' })],
  ['version 2, TCP6', v2('', { family: '\x21' })],
  ['version 2, a TLV', v2(`\x04${u16(3)}abc`)],
  ['version 2, a TLV that exceeds its end', v2(`\x20${u16(0xffff)}\x01`)],
  ['version 2, a length that reaches into the request', v2('', { length: 4096 })],
  ['version 2, a length of nothing', v2('', { length: 0 })],
  ['version 2, cut off', v2().slice(0, 20)],
  ['version 1 and 2', `PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n${v2()}`],
];

/**
 * Returns the response to these clear bytes before a TLS handshake, with or without a complete handshake after them.
 */
function beforeTls(port: number, preface: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const plain = connect(port, '127.0.0.1', () => {
      plain.write(Buffer.from(preface, 'latin1'));
      const secure = connectTls({ socket: plain, servername: 'localhost', ca: readFileSync(certificates.ca) }, () =>
        secure.write(get('/public/x', 'Connection: close')),
      );
      secure.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      secure.on('error', () => plain.destroy());
      secure.on('close', () => resolve(text));
    });
    plain.on('error', () => undefined);
    plain.on('close', () => resolve(text));
  });
}

describe('FWD-07 a PROXY preface', () => {
  test.each(PREFACES)('%s is not a request, from a client or from a trusted proxy', async (_which, preface) => {
    for (const on of [ground, behind]) {
      const answer = await on.send(preface + get('/public/x')).catch(() => '');
      // Refused once or cut off, and the request after it is not served.
      expect(answer.match(/^HTTP\/1\.1 /gm)?.length ?? 0).toBeLessThanOrEqual(1);
      expect([0, 400]).toContain(statusOf(answer));
      expect(on.arrived()).toEqual([]);
    }
  });

  test.each(PREFACES.filter(([which]) => !/line too long|cut off/.test(which)))(
    '%s is not TLS either',
    async (_which, preface) => {
      for (const on of [ground, behind]) {
        expect(await beforeTls(on.morePorts[0] as number, preface)).toBe('');
        expect(on.arrived()).toEqual([]);
      }
    },
  );

  test('cannot be enabled without the addresses of the balancers', () => {
    for (const word of ['proxy_protocol: true', 'proxy_protocol: v2', 'proxy_protocol: {}', 'accept_proxy: true']) {
      const text = `listeners: [{ name: a, address: ":8080", protocol: http, ${word} }]`;
      expect(() => loom({ text, file: 'loom.yaml' })).toThrow(ConfigError);
    }
  });

  test('twin: without it the address is the socket’s', async () => {
    // Empty lines before a request line are allowed for old clients (RFC 9112 §2.2).
    for (const before of ['', '\r\n', '\r\n\r\n']) {
      expect(statusOf(await ground.send(before + get('/public/x')))).toBe(200);
      const [message] = ground.arrived();
      expect(message && lookalikesOf(message, 'X-Forwarded-For')).toEqual([['x-forwarded-for', '127.0.0.1']]);
    }
    expect(statusOf(await beforeTls(ground.morePorts[0] as number, ''))).toBe(200);
    expect(ground.arrived()).toHaveLength(1);
  });
});
