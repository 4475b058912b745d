/** A claim as a header value: one-to-one, ASCII, never more than one field can carry (spec §5). */
import { hasControlCharacter } from '../lib/control-character.js';

export const MAX_VALUE = 4096;

/** Why a claim leaves no header; `missing` is ordinary, the rest is logged. */
export type Omission = 'missing' | 'unverified' | 'type' | 'empty' | 'control' | 'separator' | 'too_long';

export type HeaderValue =
  { readonly kind: 'value'; readonly text: string } | { readonly kind: 'omitted'; readonly why: Omission };

const omitted = (why: Omission): HeaderValue => ({ kind: 'omitted', why });

/**
 * The value of a string, number, boolean, or list of these joined by `,`. `%`, spaces at either end and everything
 * beyond ASCII are percent-encoded as UTF-8.
 *
 * @example headerValue('Zoë') // { kind: 'value', text: 'Zo%C3%AB' }
 */
export function headerValue(claim: unknown): HeaderValue {
  if (claim === undefined || claim === null) return omitted('missing');
  if (!Array.isArray(claim)) return scalarValue(claim);
  const texts: string[] = [];
  let length = 0;
  for (const element of claim as readonly unknown[]) {
    // `["a,admin"]` would read as two groups.
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

/** Whole numbers past 2^53 have lost digits: two subjects would share one header value. */
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
