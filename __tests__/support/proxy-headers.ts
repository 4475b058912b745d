/** Headers of the PROXY protocol, as a balancer writes them, and connections that begin with any bytes. */
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { readReplies } from './conversation.js';

export const V1 = 'PROXY TCP4 198.51.100.8 192.0.2.1 4711 443\r\n';
export const V1_IPV6 = 'PROXY TCP6 2001:db8:5::8 2001:db8::1 4711 443\r\n';
export const V1_UNKNOWN = 'PROXY UNKNOWN\r\n';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
export const u16 = (value: number): string => String.fromCharCode(value >> 8, value & 0xff);
const u32 = (value: number): string => u16(value >>> 16) + u16(value & 0xffff);

/** 198.51.100.8:4711 and 192.0.2.1:443. */
export const IPV4 = `\xc6\x33\x64\x08\xc0\x00\x02\x01${u16(4711)}${u16(443)}`;
const hex = (text: string): string => Buffer.from(text, 'hex').toString('latin1');
/** 2001:db8:5::8 and 2001:db8::1. */
export const IPV6 = `${hex('20010db8000500000000000000000008')}${hex('20010db8000000000000000000000001')}${u16(4711)}${u16(443)}`;
/** ::ffff:198.51.100.8 and ::ffff:192.0.2.1. */
export const MAPPED = `${hex('00000000000000000000ffffc6336408')}${hex('00000000000000000000ffffc0000201')}${u16(4711)}${u16(443)}`;
export const UNIX = '/run/balancer.sock'.padEnd(108, '\0').repeat(2);

export interface V2 {
  readonly command?: number;
  readonly family?: number;
  readonly addresses?: string;
  readonly tlvs?: string;
  /** Default: the right one. */
  readonly length?: number;
}

/** A header of version 2 (latin1). */
export function v2({ command = 0x21, family = 0x11, addresses = IPV4, tlvs = '', length }: V2 = {}): string {
  const block = addresses + tlvs;
  return `${SIGNATURE}${String.fromCharCode(command, family)}${u16(length ?? block.length)}${block}`;
}

export const tlv = (type: number, value: string): string => String.fromCharCode(type) + u16(value.length) + value;

const CHECKSUM = tlv(0x03, '\0\0\0\0');

/** A header with a right checksum. */
export function checksummed(parts: V2 = {}): string {
  const header = v2({ ...parts, tlvs: CHECKSUM + (parts.tlvs ?? '') });
  return header.replace(CHECKSUM, CHECKSUM.slice(0, 3) + u32(crc32c(header)));
}

/** Bit by bit, as RFC 3720 §12.1 defines it. */
function crc32c(bytes: string): number {
  let crc = ~0;
  for (const byte of Buffer.from(bytes, 'latin1'))
    for (let bit = 0; bit < 8; bit += 1) {
      const isOdd = ((crc ^ (byte >> bit)) & 1) === 1;
      crc = (crc >>> 1) ^ (isOdd ? 0x82f63b78 : 0);
    }
  return ~crc >>> 0;
}

/** Headers with the address of a client. */
export const ANNOUNCING: readonly (readonly [which: string, header: string, client: string])[] = [
  ['version 1', V1, '198.51.100.8'],
  ['version 1 with IPv6', V1_IPV6, '2001:db8:5::8'],
  ['version 2', v2(), '198.51.100.8'],
  ['version 2 with IPv6', v2({ family: 0x21, addresses: IPV6 }), '2001:db8:5::8'],
  ['version 2 with a mapped address', v2({ family: 0x21, addresses: MAPPED }), '198.51.100.8'],
  ['version 2 with TLVs', v2({ tlvs: tlv(0x20, '\x07\0\0\0\0') + tlv(0xea, 'vpce-1') }), '198.51.100.8'],
  ['version 2 with a checksum', checksummed(), '198.51.100.8'],
];

/** Headers without the address of a client. */
export const SILENT: readonly (readonly [which: string, header: string])[] = [
  ['UNKNOWN', V1_UNKNOWN],
  ['UNKNOWN with addresses', 'PROXY UNKNOWN 198.51.100.8 127.0.0.1 1 2\r\n'],
  ['LOCAL', v2({ command: 0x20, family: 0, addresses: '' })],
  ['LOCAL with addresses', v2({ command: 0x20 })],
  ['no family', v2({ family: 0 })],
  ['UDP', v2({ family: 0x12 })],
  ['a Unix socket', v2({ family: 0x31, addresses: UNIX })],
];

/** Headers that no receiver may accept, each of them complete. */
export const BROKEN: readonly (readonly [which: string, header: string])[] = [
  ['a leading zero in an address', 'PROXY TCP4 198.51.100.08 192.0.2.1 4711 443\r\n'],
  ['a leading zero in a port', 'PROXY TCP4 198.51.100.8 192.0.2.1 04711 443\r\n'],
  ['a port above 65535', 'PROXY TCP4 198.51.100.8 192.0.2.1 4711 65536\r\n'],
  ['a negative port', 'PROXY TCP4 198.51.100.8 192.0.2.1 -1 443\r\n'],
  ['TCP4 with IPv6 addresses', 'PROXY TCP4 2001:db8:5::8 2001:db8::1 4711 443\r\n'],
  ['TCP6 with IPv4 addresses', 'PROXY TCP6 198.51.100.8 192.0.2.1 4711 443\r\n'],
  ['a zone', 'PROXY TCP6 fe80::8%eth0 fe80::1 4711 443\r\n'],
  ['brackets', 'PROXY TCP6 [2001:db8:5::8] [2001:db8::1] 4711 443\r\n'],
  ['a name', 'PROXY TCP4 localhost 192.0.2.1 4711 443\r\n'],
  ['an address in hexadecimal', 'PROXY TCP4 0xc6336408 192.0.2.1 4711 443\r\n'],
  ['a short address', 'PROXY TCP4 198.51.1 192.0.2.1 4711 443\r\n'],
  ['two spaces', 'PROXY TCP4  198.51.100.8 192.0.2.1 4711 443\r\n'],
  ['a tab', 'PROXY TCP4 198.51.100.8\t192.0.2.1 4711 443\r\n'],
  ['a space at the end', 'PROXY TCP4 198.51.100.8 192.0.2.1 4711 443 \r\n'],
  ['a word too few', 'PROXY TCP4 198.51.100.8 192.0.2.1 4711\r\n'],
  ['a word too many', 'PROXY TCP4 198.51.100.8 192.0.2.1 4711 443 x\r\n'],
  ['another protocol', 'PROXY UDP4 198.51.100.8 192.0.2.1 4711 443\r\n'],
  ['a protocol in lower case', 'PROXY tcp4 198.51.100.8 192.0.2.1 4711 443\r\n'],
  ['UNKNOWN with more letters', 'PROXY UNKNOWNX\r\n'],
  ['UNKNOWN with a control byte', 'PROXY UNKNOWN \0\r\n'],
  ['a line feed alone', 'PROXY TCP4 198.51.100.8 192.0.2.1 4711 443\n'],
  ['a carriage return alone', 'PROXY TCP4 198.51.100.8 192.0.2.1 4711 443\rX'],
  ['a line without end', `PROXY UNKNOWN ${'x'.repeat(120)}`],
  ['a line of 108 bytes', `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`],
  ['version 1 in the binary form', v2({ command: 0x11 })],
  ['version 3', v2({ command: 0x31 })],
  ['an unknown command', v2({ command: 0x22 })],
  ['an unknown family', v2({ family: 0x41 })],
  ['an unknown transport', v2({ family: 0x13 })],
  ['a family without a transport', v2({ family: 0x10 })],
  ['addresses that are too short', v2({ addresses: IPV4.slice(0, 11) })],
  ['TCP over IPv6 with the addresses of IPv4', v2({ family: 0x21 })],
  ['a Unix socket with short paths', v2({ family: 0x31, addresses: UNIX.slice(1) })],
  ['a length that is too long', v2({ length: 0xffff })],
  ['a length of 4,081 bytes', v2({ tlvs: tlv(0x04, '\0'.repeat(4_081 - 12 - 3)) })],
  ['a TLV that exceeds the header', v2({ tlvs: `\x04${u16(9)}12345678` })],
  ['a TLV without its length', v2({ tlvs: '\x04\0' })],
  ['a TLV that reaches into the request', v2({ tlvs: `\x20${u16(0xffff)}\x01` })],
  ['a wrong checksum', v2({ tlvs: tlv(0x03, '\x01\x02\x03\x04') })],
  ['a checksum of the client after a change', checksummed().replace('\xc6\x33', '\xc6\x34')],
  ['a checksum of three bytes', v2({ tlvs: tlv(0x03, '\0\0\0') })],
  ['two checksums', checksummed({ tlvs: tlv(0x03, '\0\0\0\0') })],
];

export interface Sent {
  /** All statuses of the connection. */
  readonly statuses: readonly number[];
  readonly bodies: readonly string[];
  readonly text: string;
}

/**
 * Writes pieces (latin1), each one as a packet of its own, and reads until the server closes or has sent this number of
 * responses. `inTurns`: each piece after the response to the piece before.
 */
export function sendPieces(
  to: NetConnectOpts,
  pieces: readonly string[],
  { responses = 1, inTurns = false }: { readonly responses?: number; readonly inTurns?: boolean } = {},
): Promise<Sent> {
  return new Promise((resolve) => {
    let text = '';
    const write = (at: number): void => {
      const piece = pieces[at];
      if (piece === undefined || socket.destroyed) return;
      // A turn of the loop lets the server read the piece on its own.
      socket.write(Buffer.from(piece, 'latin1'), () => inTurns || setImmediate(() => write(at + 1)));
    };
    const socket: Socket = connect({ ...to, noDelay: true }, () => write(0));
    let replied = 0;
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const { length } = readReplies(text).replies;
      if (length >= responses) socket.destroy();
      else if (inTurns && length > replied) write(length);
      replied = length;
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => undefined);
    socket.on('close', () => {
      const { replies } = readReplies(text, { closed: true });
      resolve({ statuses: replies.map(({ status }) => status), bodies: replies.map(({ body }) => body), text });
    });
  });
}
