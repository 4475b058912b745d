/** Converts a claim to a header value: reversible, ASCII, and within the size limit of one field. */
import { hasControlCharacter } from '../lib/control-character.js';

export const MAX_VALUE = 4096;

/** The reason why a claim has no header value. `missing` is normal. Every other reason is logged. */
export type Omission = 'missing' | 'unverified' | 'type' | 'empty' | 'control' | 'separator' | 'too_long';

export type HeaderValue =
  { readonly kind: 'value'; readonly text: string } | { readonly kind: 'omitted'; readonly why: Omission };

const omitted = (why: Omission): HeaderValue => ({ kind: 'omitted', why });

/**
 * Returns the value of a string, a number, a boolean, or a list of these joined by `,`. `%`, leading and trailing
 * spaces and all non-ASCII characters are percent-encoded as UTF-8.
 *
 * @example headerValue('Zoë') // { kind: 'value', text: 'Zo%C3%AB' }
 */
export function headerValue(claim: unknown): HeaderValue {
  if (claim === undefined || claim === null) return omitted('missing');
  if (!Array.isArray(claim)) return scalarValue(claim);
  const texts: string[] = [];
  let length = 0;
  for (const element of claim as readonly unknown[]) {
    // An upstream would read `["a,admin"]` as two groups.
    if (typeof element === 'string' && element.includes(',')) return omitted('separator');
    const value = scalarValue(element);
    if (value.kind === 'omitted') return value.why === 'missing' ? omitted('type') : value;
    length += value.text.length + 1;
    if (length > MAX_VALUE + 1) return omitted('too_long');
    texts.push(value.text);
  }
  return texts.length === 0 ? omitted('empty') : { kind: 'value', text: texts.join(',') };
}

function scalarValue(claim: unknown): HeaderValue {
  if (typeof claim === 'boolean') return { kind: 'value', text: String(claim) };
  if (typeof claim === 'number') return isExact(claim) ? { kind: 'value', text: String(claim) } : omitted('type');
  return typeof claim === 'string' ? textValue(claim) : omitted('type');
}

/** Integers above 2^53 lose digits. Two subjects could then have the same header value. */
function isExact(claim: number): boolean {
  return Number.isInteger(claim) ? Number.isSafeInteger(claim) : Number.isFinite(claim);
}

function textValue(text: string): HeaderValue {
  if (text === '') return omitted('empty');
  if (text.length > MAX_VALUE) return omitted('too_long');
  if (hasControlCharacter(text) || !text.isWellFormed()) return omitted('control');
  const encoded = /^[!-$&-~](?:[ -$&-~]*[!-$&-~])?$/.test(text) ? text : encode(text);
  return encoded.length > MAX_VALUE ? omitted('too_long') : { kind: 'value', text: encoded };
}

function encode(text: string): string {
  let start = 0;
  let end = text.length;
  while (text[start] === ' ') start++;
  while (end > start && text[end - 1] === ' ') end--;
  const inner = text.slice(start, end).replace(/%|[^ -~]+/g, (part) => encodeURIComponent(part));
  return '%20'.repeat(start) + inner + '%20'.repeat(text.length - end);
}
