/** The fields of a certificate that identify its holder (RFC 5280 §4.1), read from DER. */
import { canonicalAddress } from '../lib/address.js';
import { DerError, expectTag, members, readOid, readOne, TAG, type DerValue } from './der.js';
import { distinguishedName } from './distinguished-name.js';

export interface CertificateFields {
  /** RFC 4514, one ASCII line. Empty for an empty name. */
  readonly subject: string;
  readonly issuer: string;
  /** Upper hex, whole bytes, without a leading zero byte. Empty for a negative number. */
  readonly serial: string;
  /** `DNS:…`, `URI:…`, `email:…`, `IP:…`, in the order of the certificate. Other kinds are omitted. */
  readonly sans: readonly string[];
  readonly signatureAlgorithm: string;
  /** The number of authorities that may follow in a chain (RFC 5280 §4.2.1.9). Undefined: any number. */
  readonly pathLength: number | undefined;
}

const SUBJECT_ALT_NAME = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const BOOLEAN = 0x01;

/**
 * Throws a DerError for bytes that are not a certificate, and for names with bytes that only an attack contains (a
 * NUL).
 */
export function readCertificateFields(der: Buffer): CertificateFields {
  const [tbs, signature] = members(readOne(der), TAG.sequence);
  const all = members(tbs, TAG.sequence);
  const [serial, , issuer, , subject, , ...optional] = all[0]?.tag === VERSION ? all.slice(1) : all;
  const extensions = optional.find((each) => each.tag === EXTENSIONS);
  return {
    subject: distinguishedName(subject),
    issuer: distinguishedName(issuer),
    serial: serialOf(expectTag(serial, TAG.integer)),
    sans: alternativeNames(extensions),
    pathLength: pathLength(extensions),
    signatureAlgorithm: readOid(members(signature, TAG.sequence)[0]),
  };
}

/**
 * RFC 5280 §4.1.2.2 requires a positive number. Without its sign, -1 would equal the serial number 255 of another
 * certificate.
 */
export function serialOf({ contents }: DerValue): string {
  if (contents.length === 0 || contents.readInt8(0) < 0) return '';
  const hex = contents.toString('hex').toUpperCase();
  return hex.replace(/^(?:00)+(?=..)/, '');
}

function alternativeNames(extensions: DerValue | undefined): readonly string[] {
  const value = extensionValue(extensions, SUBJECT_ALT_NAME);
  if (!value) return [];
  return members(value, TAG.sequence).flatMap((name) => alternativeName(name) ?? []);
}

function pathLength(extensions: DerValue | undefined): number | undefined {
  const value = extensionValue(extensions, BASIC_CONSTRAINTS);
  const limit = value && members(value, TAG.sequence).find(({ tag }) => tag === TAG.integer);
  // A longer number than four bytes limits nothing that exists.
  return limit && limit.contents.length <= 4 ? limit.contents.readIntBE(0, limit.contents.length) : undefined;
}

/** The content of an extension (RFC 5280 §4.1), which may occur once. */
function extensionValue(extensions: DerValue | undefined, oid: string): DerValue | undefined {
  if (!extensions) return undefined;
  const found = members(readOne(extensions.contents), TAG.sequence)
    .map((each) => members(each, TAG.sequence))
    .filter(([type]) => readOid(type) === oid);
  if (found.length > 1) throw new DerError('an extension occurs twice');
  const [extension] = found;
  if (!extension) return undefined;
  const value = extension[1]?.tag === BOOLEAN ? extension[2] : extension[1];
  return readOne(expectTag(value, TAG.octetString).contents);
}

function alternativeName({ tag, contents }: DerValue): string | undefined {
  switch (tag) {
    case 0x81:
      return `email:${visible(contents)}`;
    case 0x82:
      return `DNS:${visible(contents).toLowerCase()}`;
    case 0x86:
      return `URI:${visible(contents)}`;
    case 0x87:
      return `IP:${addressOf(contents)}`;
    default:
      return undefined;
  }
}

/** A reader of C strings reads `svc-a\0.evil` as `svc-a`, so the whole certificate is rejected (CVE-2025-66220). */
function visible(contents: Buffer): string {
  if (contents.length === 0 || !contents.every((byte) => byte > 0x20 && byte < 0x7f)) throw new DerError('bad name');
  return contents.toString('latin1');
}

function addressOf(contents: Buffer): string {
  if (contents.length === 4) return contents.join('.');
  if (contents.length !== 16) throw new DerError('bad address');
  const groups = Array.from({ length: 8 }, (_each, i) => contents.readUInt16BE(2 * i).toString(16));
  return canonicalAddress(groups.join(':')) as string;
}

/** The canonical spelling of a name, as in a file; undefined for text that is not one of the four kinds. */
export function canonicalAltName(text: string): string | undefined {
  const [, kind, value = ''] = /^(DNS|URI|email|IP):([\x21-\x7e]+)$/.exec(text) ?? [];
  switch (kind) {
    case 'DNS':
      return `DNS:${value.toLowerCase()}`;
    case 'IP': {
      const address = canonicalAddress(value);
      return address === undefined ? undefined : `IP:${address}`;
    }
    case 'URI':
    case 'email':
      return `${kind}:${value}`;
    case undefined:
    default:
      return undefined;
  }
}
