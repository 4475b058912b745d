/** Certificates that no openssl command writes: names, numbers and extensions in DER, signed by a real key. */
import { createPrivateKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A PEM certificate and its PEM key. */
export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

export interface DerOrder {
  /** A whole Name; `name()` makes one. Default: `CN=odd`. */
  readonly subject?: Buffer;
  /** The content of the INTEGER. Default: 01. */
  readonly serial?: Buffer;
  /** The content of the SAN sequence, made of `altName()`. Default: no such extension. */
  readonly sans?: readonly Buffer[];
  /** Further whole extensions. */
  readonly extensions?: readonly Buffer[];
  /** Paths of the issuer's PEM files. Without it the certificate is self-signed. */
  readonly issuer?: { readonly cert: string; readonly key: string };
}

/** Tag, length and content. */
export function tlv(tag: number, ...contents: readonly Buffer[]): Buffer {
  const all = Buffer.concat(contents);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(all.length);
  const octets = size.subarray(size.findIndex((byte) => byte !== 0));
  const length = all.length < 128 ? [all.length] : [0x80 + octets.length, ...octets];
  return Buffer.concat([Buffer.from([tag, ...length]), all]);
}

/** An object identifier with small arcs, in dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const arcs = rest.flatMap((arc) => {
    const bytes = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) bytes.unshift(0x80 | (left & 0x7f));
    return bytes;
  });
  return tlv(0x06, Buffer.from([first * 40 + second, ...arcs]));
}

export const STRING = { utf8: 0x0c, printable: 0x13, t61: 0x14, ia5: 0x16, universal: 0x1c, bmp: 0x1e } as const;
export const TYPE = { CN: '2.5.4.3', O: '2.5.4.10', OU: '2.5.4.11' } as const;

export interface Attribute {
  readonly type: string;
  readonly value: string | Buffer;
  /** Default: UTF8String. */
  readonly tag?: number;
}

/** A Name: a list of RDNs, each a list of attributes. */
export function name(...rdns: readonly (readonly Attribute[])[]): Buffer {
  const attribute = ({ type, value, tag = STRING.utf8 }: Attribute): Buffer =>
    tlv(0x30, oid(type), tlv(tag, typeof value === 'string' ? Buffer.from(value) : value));
  return tlv(0x30, ...rdns.map((rdn) => tlv(0x31, ...rdn.map(attribute))));
}

export const commonName = (value: string | Buffer, tag?: number): Buffer =>
  name([{ type: TYPE.CN, value, ...(tag !== undefined && { tag }) }]);

const ALT_NAME = { otherName: 0xa0, email: 0x81, DNS: 0x82, directoryName: 0xa4, URI: 0x86, IP: 0x87 } as const;

export const altName = (kind: keyof typeof ALT_NAME, value: string | Buffer): Buffer =>
  tlv(ALT_NAME[kind], typeof value === 'string' ? Buffer.from(value, 'latin1') : value);

export const extension = (type: string, value: Buffer): Buffer => tlv(0x30, oid(type), tlv(0x04, value));
export const subjectAltName = (...names: readonly Buffer[]): Buffer => extension('2.5.29.17', tlv(0x30, ...names));

const CLIENT_USAGE = extension('2.5.29.37', tlv(0x30, oid('1.3.6.1.5.5.7.3.2')));

/** A client certificate with this content, and its new key. */
export function derCertificate(order: DerOrder = {}): PemPair & { readonly der: Buffer } {
  const { subject = commonName('odd'), serial = Buffer.from([1]), sans, extensions = [], issuer } = order;
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer = issuer ? createPrivateKey(readFileSync(issuer.key)) : own.privateKey;
  const issuerName = issuer ? subjectOf(new X509Certificate(readFileSync(issuer.cert)).raw) : subject;
  const algorithm = tlv(0x30, oid('1.2.840.10045.4.3.2'));
  const time = (at: string): Buffer => tlv(0x17, Buffer.from(at));
  const all = [CLIENT_USAGE, ...(sans ? [subjectAltName(...sans)] : []), ...extensions];
  const tbs = tlv(
    0x30,
    ...[tlv(0xa0, tlv(0x02, Buffer.from([2]))), tlv(0x02, serial), algorithm, issuerName],
    ...[tlv(0x30, time('250101000000Z'), time('450101000000Z')), subject],
    ...[own.publicKey.export({ type: 'spki', format: 'der' }), tlv(0xa3, tlv(0x30, ...all))],
  );
  const der = tlv(0x30, tbs, algorithm, tlv(0x03, Buffer.from([0]), sign('sha256', tbs, signer)));
  const lines = der.toString('base64').replace(/.{1,64}/g, '$&\n');
  return {
    der,
    cert: `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`,
    key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** The bytes of the subject: the sixth member of the first part of a v3 certificate. */
function subjectOf(der: Buffer): Buffer {
  const tbs = inside(inside(der));
  let rest = tbs;
  for (let skipped = 0; skipped < 5; skipped++) rest = rest.subarray(whole(rest));
  return rest.subarray(0, whole(rest));
}

function head(der: Buffer): { readonly start: number; readonly length: number } {
  const first = der[1] as number;
  if (first < 0x80) return { start: 2, length: first };
  return { start: 2 + (first & 0x7f), length: der.readUIntBE(2, first & 0x7f) };
}

const whole = (der: Buffer): number => head(der).start + head(der).length;
const inside = (der: Buffer): Buffer => der.subarray(head(der).start, whole(der));
