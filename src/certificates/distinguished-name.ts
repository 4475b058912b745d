/** Formats distinguished names as one ASCII line (RFC 4514) from DER, because names can forge the strings of Node. */
import { DerError, members, readOid, TAG, type DerValue } from './der.js';

/** RFC 4514 §3, and the names from LDAP and OpenSSL for attributes that certificates often contain. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.42': 'GN',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

/** Other spellings of attribute types, from OpenSSL, Microsoft and RFC 4519. */
const ALIASES: Readonly<Record<string, string>> = {
  e: 'emailAddress',
  email: 'emailAddress',
  s: 'ST',
  t: 'title',
  g: 'GN',
  givenname: 'GN',
  surname: 'SN',
  commonname: 'CN',
  userid: 'UID',
};

const TYPES = new Map([
  ...Object.entries(ALIASES),
  ...Object.values(SHORT_NAMES).map((name) => [name.toLowerCase(), name] as const),
]);

/** The spelling of an attribute type in `distinguishedName`. Types are case-insensitive (RFC 4514 §2.3). */
export function canonicalAttributeType(type: string): string | undefined {
  return TYPES.get(type.toLowerCase());
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const UTF16 = new TextDecoder('utf-16be', { fatal: true, ignoreBOM: true });

/**
 * `CN=svc-a,OU=Ops+L=Bern,O=Example`. An empty name is an empty string. Both orders are those of the RFC2253 format of
 * OpenSSL.
 */
export function distinguishedName(name: DerValue | undefined): string {
  return members(name, TAG.sequence)
    .map((set) => members(set, TAG.set).map(attribute).reverse().join('+'))
    .reverse()
    .join(',');
}

function attribute(pair: DerValue): string {
  const [type, value, ...rest] = members(pair, TAG.sequence);
  if (!value || rest.length > 0) throw new DerError('bad attribute');
  const oid = readOid(type);
  const known = Object.hasOwn(SHORT_NAMES, oid) ? SHORT_NAMES[oid] : undefined;
  const text = known === undefined ? undefined : stringOf(value);
  // RFC 4514 §2.4: an attribute without a short name or without a string is written in hex. No escaped string begins
  // with `#`.
  return text === undefined
    ? `${known ?? oid}=#${value.encoded.toString('hex').toUpperCase()}`
    : `${known}=${escape(text)}`;
}

function stringOf({ tag, contents }: DerValue): string | undefined {
  try {
    switch (tag) {
      case 0x0c: // UTF8String
        return UTF8.decode(contents);
      case 0x12: // NumericString
      case 0x13: // PrintableString
      case 0x16: // IA5String
      case 0x1a: // VisibleString
        return contents.every((byte) => byte < 0x80) ? contents.toString('latin1') : undefined;
      case 0x14: // T61String, in practice Latin-1
        return contents.toString('latin1');
      case 0x1e: // BMPString
        return UTF16.decode(contents);
      case 0x1c: // UniversalString
        return utf32(contents);
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}

function utf32(contents: Buffer): string | undefined {
  if (contents.length % 4 !== 0) return undefined;
  let text = '';
  for (let i = 0; i < contents.length; i += 4) {
    const point = contents.readUInt32BE(i);
    if (point >= 0xd800 && point < 0xe000) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}

/** RFC 4514 §2.4, with every control and non-ASCII byte as `\xx`, so that the line fits into a header. */
function escape(text: string): string {
  const last = Buffer.byteLength(text) - 1;
  let line = '';
  for (const [i, byte] of Buffer.from(text).entries()) {
    const character = String.fromCharCode(byte);
    if (byte < 0x20 || byte > 0x7e) line += `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    else if ('"+,;<>\\'.includes(character)) line += `\\${character}`;
    else if (character === ' ' && (i === 0 || i === last)) line += '\\ ';
    else if (character === '#' && i === 0) line += '\\#';
    else line += character;
  }
  return line;
}
