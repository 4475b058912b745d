/** Fetches a key set with jwks-rsa, without its cache: forged `kid` values could make that cache fetch. */
import jwksRsa from 'jwks-rsa';
import { fetchJson, type FetchJsonOptions } from '../lib/fetch-json.js';
import { parseStrictJson } from '../lib/strict-json.js';
import { keyId } from './key-source.js';
import { KeyError, keyFromJwk } from './verification-key.js';
import type { VerificationKey } from './verification-key.js';

const MAX_BYTES = 524_288;
const TIMEOUT_MS = 5_000;
/** Reading a key is costly, and 512 KiB hold thousands of keys. */
const MAX_KEYS = 256;

/** How the documents of an issuer are fetched. */
export type FetchRules = Pick<FetchJsonOptions, 'allowInsecureHttp' | 'ca' | 'allowsAddress'>;

export interface IssuerDocument {
  readonly document: Readonly<Record<string, unknown>>;
  /** The address of the server, where it is known. */
  readonly address?: string | undefined;
}

/** Fetches the document at a URL of an issuer, with the limits that all such documents have. */
export async function fetchDocument(url: string, rules: FetchRules): Promise<IssuerDocument> {
  const { status, body, address } = await fetchJson(url, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, ...rules });
  if (status !== 200) throw new Error(`status ${status}`);
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Error('the answer is not a JSON object');
  return { document: body as Record<string, unknown>, address };
}

/** Returns the usable keys at the URL. A set without a usable key is an error. */
export async function fetchKeys(url: string, rules: FetchRules): Promise<readonly VerificationKey[]> {
  const client = new jwksRsa.JwksClient({
    jwksUri: url,
    cache: false,
    fetcher: async (uri) => ({ keys: (await fetchDocument(uri, rules)).document['keys'] }),
  });
  return usableKeys(await client.getKeys());
}

/** The list of keys of a set in the file: the set itself, or its JSON. Throws an Error with a message for the user. */
export function parseKeySet(given: unknown): readonly unknown[] {
  const set = typeof given === 'string' ? parseSet(given) : given;
  const keys = typeof set === 'object' && set !== null ? (set as { readonly keys?: unknown }).keys : undefined;
  if (!Array.isArray(keys)) throw new Error('has no list "keys"');
  return keys;
}

function parseSet(text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch {
    throw new Error('is not JSON');
  }
}

/** Keys that cannot verify are left out. A set may hold encryption keys, or keys of newer kinds. */
export function usableKeys(given: unknown): readonly VerificationKey[] {
  if (!Array.isArray(given)) throw new Error('the document is not a key set');
  if (given.length > MAX_KEYS) throw new Error(`the key set has more than ${MAX_KEYS} keys`);
  const keys = new Map<string, VerificationKey>();
  for (const jwk of given as unknown[]) {
    const key = read(jwk);
    if (key) keys.set(JSON.stringify([key.kid, keyId(key), key.algorithms]), key);
  }
  if (keys.size === 0) throw new Error('the key set has no usable key');
  return [...keys.values()];
}

function read(jwk: unknown): VerificationKey | undefined {
  try {
    return keyFromJwk(jwk);
  } catch (cause) {
    if (cause instanceof KeyError) return undefined;
    throw cause;
  }
}
