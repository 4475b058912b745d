/** Compares the names of certificates with the names and patterns of a file. */
import { canonicalAttributeType } from './distinguished-name.js';

/** `DNS:*.example.com`: one label. */
const DNS_PATTERN = /^DNS:\*(?:\.[a-z0-9_-]+)+$/;
/** `URI:spiffe://example.org/ns/*`: the rest of the path. The authority is fixed. */
const URI_PATTERN = /^URI:[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/*?#%\\]+\/(?:[^/*?#%\\]+\/)*\*$/;
/** A reader that decodes or normalises the path must not find another path. */
const PLAIN_SEGMENT = /^(?!\.{1,2}$)[^/?#%\\]+$/;

/** Whether an alternative name of a file has no wildcard, or is a pattern that can match. */
export function isAltNameOrPattern(text: string): boolean {
  return !text.includes('*') || DNS_PATTERN.test(text) || URI_PATTERN.test(text);
}

/**
 * Whether a name of a certificate is the wanted name, or matches the wanted pattern.
 *
 * @example matchesAltName('URI:spiffe://td/ns/*', 'URI:spiffe://td/ns/prod/sa/web') // true
 */
export function matchesAltName(wanted: string, name: string): boolean {
  if (wanted === name) return true;
  if (DNS_PATTERN.test(wanted)) {
    const suffix = wanted.slice('DNS:*'.length);
    const label = name.slice('DNS:'.length, -suffix.length);
    return name.startsWith('DNS:') && name.endsWith(suffix) && label !== '' && !label.includes('.');
  }
  if (!URI_PATTERN.test(wanted)) return false;
  const prefix = wanted.slice(0, -1);
  return (
    name.startsWith(prefix) &&
    name
      .slice(prefix.length)
      .split('/')
      .every((part) => PLAIN_SEGMENT.test(part))
  );
}

/** The relative names in order, each with its attributes in a fixed order. */
export type NameList = readonly string[];

/** Reads an RFC 4514 name. Undefined for text that is not one, or has an attribute that no certificate is shown with. */
export function readName(text: string): NameList | undefined {
  const relative = splitAt(text, ',').map((part) => splitAt(part, '+').map(readAttribute));
  if (relative.some((attributes) => attributes.includes(undefined))) return undefined;
  return relative.map((attributes) => [...attributes].sort().join('+'));
}

/** Whether two names have the same parts, in the same order or in the reverse order. Tools print both orders. */
export function isSameName(left: NameList, right: NameList): boolean {
  if (left.length !== right.length) return false;
  const last = right.length - 1;
  return left.every((part, at) => part === right[at]) || left.every((part, at) => part === right[last - at]);
}

function splitAt(text: string, separator: string): readonly string[] {
  const parts = [''];
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === separator) parts.push('');
    else parts[parts.length - 1] += character === '\\' ? character + (text[++at] ?? '') : character;
  }
  return parts;
}

/** The type in its usual spelling, and the value as hex of its bytes, so that two escapes of one value are equal. */
function readAttribute(text: string): string | undefined {
  const [, type = '', value = ''] = /^([A-Za-z0-9.-]+)=(.+)$/s.exec(text) ?? [];
  const isEncoded = /^#(?:[0-9A-Fa-f]{2})+$/.test(value);
  const known = canonicalAttributeType(type);
  if (known === undefined)
    return isEncoded && /^\d+(?:\.\d+)+$/.test(type) ? `${type}=${value.toUpperCase()}` : undefined;
  if (isEncoded) return `${known}=${value.toUpperCase()}`;
  const bytes = unescaped(value);
  return bytes && `${known}=${bytes.toString('hex')}`;
}

/** RFC 4514 §2.4 and §3. Undefined for a character that must be escaped, such as a space at an end. */
function unescaped(value: string): Buffer | undefined {
  if (/^[ #]/.test(value) || (value.endsWith(' ') && !/(?:^|[^\\])(?:\\\\)*\\ $/.test(value))) return undefined;
  const pieces: Buffer[] = [];
  for (const [piece, hex, special] of value.matchAll(/\\(?:([0-9A-Fa-f]{2})|([ "#+,;<=>\\]))|[^\\]|\\/gsu)) {
    if (hex !== undefined) pieces.push(Buffer.from(hex, 'hex'));
    else if (special !== undefined) pieces.push(Buffer.from(special));
    else if (/^["+,;<>\\]$/.test(piece)) return undefined;
    else pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}
