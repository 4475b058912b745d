/** The key of the bucket of a request, made of length-prefixed facts, so that two callers never share a key. */
import { digestOf } from '../lib/digest.js';
import { clientNetwork } from '../lib/address.js';

export type LimitKeyPart =
  | { readonly kind: 'ip' }
  | { readonly kind: 'identity' }
  | { readonly kind: 'path' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'claim'; readonly path: string };

export interface LimitedIdentity {
  readonly method: string;
  readonly issuer?: string | undefined;
  readonly subject: string;
  /** The claim and the type of the subject. A value of another claim or type is another caller. */
  readonly source?: string | undefined;
  /** Many callers have this subject, so the client address counts too. */
  readonly shared?: boolean | undefined;
}

export interface LimitFacts {
  readonly address: string;
  readonly identity?: LimitedIdentity | undefined;
  /** The pattern of the route. */
  readonly path: string;
  /** Called after the identity headers were set. */
  header(name: string): string | undefined;
  claim(path: string): string | undefined;
  /** Whether a claim is this value, or a list that contains it. */
  holds?(path: string, value: string): boolean;
  /**
   * Whether an auth method set the header, or the header is the credential that granted. Otherwise the client chose its
   * value.
   */
  vouched?(name: string): boolean;
}

/** A part as the file writes it: `ip`, `header:X-Tenant`, `jwt:org`. */
export function limitKeyText(part: LimitKeyPart): string {
  if (part.kind === 'header') return `header:${part.name}`;
  return part.kind === 'claim' ? `jwt:${part.path}` : part.kind;
}

/**
 * The key of the bucket. A part without a value falls back to the client address. It never selects one bucket for all
 * clients, and never no bucket.
 */
export function limitKey(parts: readonly LimitKeyPart[], facts: LimitFacts): string {
  const pieces = parts.flatMap((part) => pieceOf(part, facts));
  const names = parts.length === 0 || parts.every(({ kind }) => kind === 'path');
  return bucketKey(names ? [...pieces, ...principalOf(facts)] : pieces);
}

/** Longer keys become digests, so that a client cannot fill the memory with them. */
const LONGEST_KEY = 128;

/** Returns a key that differs for every list of parts. */
export function bucketKey(parts: readonly string[]): string {
  let key = '';
  for (const part of parts) key += `${part.length}:${part}`;
  // The key of a list never begins with a letter.
  return key.length > LONGEST_KEY ? `digest ${digestOf(parts)}` : key;
}

function pieceOf(part: LimitKeyPart, facts: LimitFacts): readonly string[] {
  switch (part.kind) {
    case 'ip':
      return addressOf(facts);
    case 'identity':
      return principalOf(facts);
    case 'path':
      return ['path', facts.path];
    case 'header':
      return headerOf(part.name, facts);
    case 'claim': {
      const value = facts.claim(part.path);
      return value === undefined || value === '' ? addressOf(facts) : ['claim', part.path, ...issuerOf(facts), value];
    }
  }
}

/**
 * A header that the client chose does not select the bucket. With a new value in each request there would be no limit.
 */
function headerOf(name: string, facts: LimitFacts): readonly string[] {
  const value = facts.header(name);
  if (value === undefined || value === '') return addressOf(facts);
  if (facts.vouched?.(name.toLowerCase()) !== true) return addressOf(facts);
  return ['header', name.toLowerCase(), value, ...issuerOf(facts)];
}

function principalOf({ identity, ...facts }: LimitFacts): readonly string[] {
  if (!identity) return addressOf(facts);
  const { subject, source = '', shared = false } = identity;
  return ['identity', ...issuerOf({ identity }), source, subject, ...(shared ? addressOf(facts) : [])];
}

/** The same claim of two issuers belongs to two callers. */
function issuerOf({ identity }: Pick<LimitFacts, 'identity'>): readonly string[] {
  if (!identity) return ['nobody'];
  return identity.issuer === undefined ? ['local', identity.method] : ['issued', identity.method, identity.issuer];
}

function addressOf({ address }: Pick<LimitFacts, 'address'>): readonly string[] {
  return ['address', clientNetwork(address) ?? address];
}

/**
 * Describes the key of a bucket without the values of headers and claims: a header may be a credential.
 *
 * @example bucketWords(bucketKey(['global', bucketKey(['address', '10.0.0.1'])])) // 'global: address 10.0.0.1'
 */
export function bucketWords(key: string): string {
  const parts = partsOf(key);
  const scope = parts[0] ?? 'bucket';
  if (parts.length === 0) return 'a bucket of several parts';
  if (scope === 'own') return `key of ${parts.at(-1) ?? ''}`;
  const name = parts.length > 2 ? ` ${parts.slice(1, -1).join(' ')}` : '';
  return `${scope}${name}: ${callerWords(partsOf(parts.at(-1) ?? ''))}`;
}

/** How many parts follow the name of a kind: its own, and those of the issuer. */
function callerWords(parts: readonly string[]): string {
  const words: string[] = [];
  let at = 0;
  const issuer = (): void => void (at += parts[at] === 'issued' ? 3 : parts[at] === 'local' ? 2 : 1);
  while (at < parts.length) {
    const kind = parts[at++] ?? '';
    if (kind === 'address' || kind === 'path') words.push(`${kind} ${parts[at++] ?? ''}`);
    else if (kind === 'identity') {
      issuer();
      words.push(`identity ${parts[at + 1] ?? ''}`);
      at += 2;
    } else if (kind === 'header' || kind === 'claim') {
      words.push(`${kind} ${parts[at] ?? ''}`);
      at += kind === 'header' ? 2 : 1;
      issuer();
      if (kind === 'claim') at += 1;
    } else break;
  }
  return words.length === 0 ? 'several parts' : words.join(', ');
}

/** Reads the parts of a key. Empty for the digest of a long key. */
function partsOf(key: string): readonly string[] {
  const parts: string[] = [];
  let at = 0;
  while (at < key.length) {
    const [head, length] = /^(\d{1,4}):/.exec(key.slice(at, at + 5)) ?? [];
    if (head === undefined) return [];
    at += head.length;
    parts.push(key.slice(at, at + Number(length)));
    at += Number(length);
  }
  return parts;
}
