/** Fetches a key set with jwks-rsa, without its cache: forged `kid` values could make that cache fetch. */
import jwksRsa from 'jwks-rsa';
import { fetchJson } from '../lib/fetch-json.js';
import { KeyError, keyFromJwk } from './verification-key.js';
import type { VerificationKey } from './verification-key.js';

const MAX_BYTES = 524_288;
const TIMEOUT_MS = 5_000;
/** Reading a key is costly, and 512 KiB hold thousands of keys. */
const MAX_KEYS = 256;

/** Fetches the document at a URL of an issuer, with the limits that all such documents have. */
export async function fetchDocument(
  url: string,
  allowInsecureHttp: boolean,
): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await fetchJson(url, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, allowInsecureHttp });
  if (status !== 200) throw new Error(`status ${status}`);
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Error('the answer is not a JSON object');
  return body as Record<string, unknown>;
}

/** Returns the usable keys at the URL. A set without a usable key is an error. */
export async function fetchKeys(url: string, allowInsecureHttp: boolean): Promise<readonly VerificationKey[]> {
  const client = new jwksRsa.JwksClient({
    jwksUri: url,
    cache: false,
    fetcher: async (uri) => ({ keys: (await fetchDocument(uri, allowInsecureHttp))['keys'] }),
  });
  return usableKeys(await client.getKeys());
}

/** Keys that cannot verify are left out. A set may hold encryption keys, or keys of newer kinds. */
export function usableKeys(given: unknown): readonly VerificationKey[] {
  if (!Array.isArray(given)) throw new Error('the document is not a key set');
  if (given.length > MAX_KEYS) throw new Error(`the key set has more than ${MAX_KEYS} keys`);
  const keys = new Map<string, VerificationKey>();
  for (const jwk of given as unknown[]) {
    const key = read(jwk);
    if (key) keys.set(JSON.stringify([key.kid, key.thumbprint, key.algorithms]), key);
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
