/** Parses the header of the PROXY protocol, versions 1 and 2, by the specification of HAProxy. */
import { isIPv4, isIPv6 } from 'node:net';
import { canonicalAddress, plainAddress } from './address.js';

/** The client of a balancer, as the header announces it. */
export interface ProxySource {
  readonly address: string;
  readonly port: number;
}

/** `missing`: the bytes are not a PROXY header. */
export type ProxyHeaderFault = 'missing' | 'malformed' | 'oversized' | 'checksum';

export type ProxyHeader =
  /** The bytes so far are the start of a header. */
  | { readonly kind: 'partial' }
  | { readonly kind: 'invalid'; readonly fault: ProxyHeaderFault }
  /** `source` is undefined if the header announces no IP address: `UNKNOWN`, `LOCAL`, or a Unix socket. */
  | { readonly kind: 'whole'; readonly length: number; readonly source: ProxySource | undefined };

const PARTIAL: ProxyHeader = { kind: 'partial' };
const invalid = (fault: ProxyHeaderFault): ProxyHeader => ({ kind: 'invalid', fault });

const TEXT = Buffer.from('PROXY ', 'latin1');
const BINARY = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** Reads the header at the start of the bytes. Everything after `length` belongs to the client. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  for (const [signature, read] of FORMS) {
    const length = Math.min(bytes.length, signature.length);
    if (bytes.compare(signature, 0, length, 0, length) !== 0) continue;
    return bytes.length < signature.length ? PARTIAL : read(bytes);
  }
  return invalid('missing');
}

const FORMS: readonly (readonly [signature: Buffer, read: (bytes: Buffer) => ProxyHeader])[] = [
  [BINARY, readBinary],
  [TEXT, readText],
];

/** The longest line that version 1 allows, with its end. */
const LONGEST_LINE = 107;
const CR = 0x0d;
const LF = 0x0a;

function readText(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, LONGEST_LINE).findIndex((byte) => byte === CR || byte === LF);
  if (end < 0) return bytes.length < LONGEST_LINE ? PARTIAL : invalid('oversized');
  if (bytes[end] === LF) return invalid('malformed');
  const length = end + 2;
  if (length > LONGEST_LINE) return invalid('oversized');
  if (bytes.length < length) return PARTIAL;
  if (bytes[end + 1] !== LF) return invalid('malformed');
  const line = bytes.toString('latin1', 0, end);
  if (/^PROXY UNKNOWN(?: [\x20-\x7e]*)?$/.test(line)) return { kind: 'whole', length, source: undefined };
  const source = sourceIn(line.split(' '));
  return source ? { kind: 'whole', length, source } : invalid('malformed');
}

/** A port without leading zeros. */
const PORT = /^(?:0|[1-9]\d{0,4})$/;
const HIGHEST_PORT = 65_535;

/** The destination must be valid too, and has no other use: the balancer decides it alone. */
function sourceIn(words: readonly string[]): ProxySource | undefined {
  const [, family, from = '', to = '', fromPort = '', toPort = ''] = words;
  if (words.length !== 6) return undefined;
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : () => false;
  if (![from, to].every(isAddress)) return undefined;
  if (![fromPort, toPort].every((port) => PORT.test(port) && Number(port) <= HIGHEST_PORT)) return undefined;
  return sourceOf(from, Number(fromPort));
}

const isPlainIPv6 = (text: string): boolean => isIPv6(text) && !text.includes('%');

/** As Node writes the address of a socket, but an IPv4-mapped address as IPv4. */
function sourceOf(text: string, port: number): ProxySource | undefined {
  const address = canonicalAddress(plainAddress(text) ?? '');
  return address === undefined ? undefined : { address, port };
}

const HEAD_BYTES = 16;
/** Balancers add a few hundred bytes of TLVs. Some of them add a client certificate, which is longer. */
const LONGEST_HEADER = 4_096;
const LOCAL = 0x20;
const PROXY = 0x21;

interface Block {
  /** The bytes of both addresses and ports. */
  readonly addressBytes: number;
  readonly source?: (block: Buffer) => ProxySource | undefined;
}

/** By family and transport. All other values are errors. */
const BLOCKS: ReadonlyMap<number, Block> = new Map<number, Block>([
  [0x00, { addressBytes: 0 }],
  [0x11, { addressBytes: 12, source: (block) => sourceOf(block.subarray(0, 4).join('.'), block.readUInt16BE(8)) }],
  [0x12, { addressBytes: 12 }],
  [0x21, { addressBytes: 36, source: (block) => sourceOf(ipv6Text(block.subarray(0, 16)), block.readUInt16BE(32)) }],
  [0x22, { addressBytes: 36 }],
  [0x31, { addressBytes: 216 }],
  [0x32, { addressBytes: 216 }],
]);

const ipv6Text = (bytes: Buffer): string => bytes.toString('hex').replace(/(.{4})(?!$)/g, '$1:');

function readBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length > 12 && bytes[12] !== LOCAL && bytes[12] !== PROXY) return invalid('malformed');
  if (bytes.length < HEAD_BYTES) return PARTIAL;
  const length = HEAD_BYTES + bytes.readUInt16BE(14);
  if (length > LONGEST_HEADER) return invalid('oversized');
  if (bytes.length < length) return PARTIAL;
  // The receiver must ignore the block of a health check of the balancer.
  if (bytes[12] === LOCAL) return { kind: 'whole', length, source: undefined };
  const form = BLOCKS.get(bytes[13] as number);
  const block = bytes.subarray(HEAD_BYTES, length);
  if (!form || block.length < form.addressBytes) return invalid('malformed');
  // Without a family the content of the block is undefined.
  if (form.addressBytes === 0) return { kind: 'whole', length, source: undefined };
  const fault = faultOfTlvs(bytes.subarray(0, length), HEAD_BYTES + form.addressBytes);
  return fault ? invalid(fault) : { kind: 'whole', length, source: form.source?.(block) };
}

const CHECKSUM = 0x03;
const CHECKSUM_BYTES = 4;
const TLV_HEAD_BYTES = 3;

/** Type, length and value. Only the checksum has an effect: no other value proves who a client is. */
function faultOfTlvs(header: Buffer, start: number): ProxyHeaderFault | undefined {
  let checksumAt: number | undefined;
  for (let at = start; at < header.length;) {
    const value = at + TLV_HEAD_BYTES;
    if (value > header.length) return 'malformed';
    const length = header.readUInt16BE(at + 1);
    if (value + length > header.length) return 'malformed';
    if (header[at] === CHECKSUM) {
      if (checksumAt !== undefined || length !== CHECKSUM_BYTES) return 'malformed';
      checksumAt = value;
    }
    at = value + length;
  }
  if (checksumAt === undefined) return undefined;
  const expected = header.readUInt32BE(checksumAt);
  const cleared = Buffer.from(header).fill(0, checksumAt, checksumAt + CHECKSUM_BYTES);
  return crc32c(cleared) === expected ? undefined : 'checksum';
}

/** The reversed polynomial of Castagnoli (RFC 3720 §12.1). */
const POLYNOMIAL = 0x82f63b78;

let table: Uint32Array | undefined;

function crc32c(bytes: Buffer): number {
  table ??= Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    return value >>> 0;
  });
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffff_ffff) >>> 0;
}
