/** Who a request turned out to be: one shape for every method. */

/** Token-bucket rate: `rate` tokens per `perMs` milliseconds, at most `burst` at once. */
export interface Rate {
  readonly rate: number;
  readonly perMs: number;
  readonly burst: number;
}

/**
 * A verified caller, as `req.auth`.
 *
 * @example { method: 'jwt', subject: 'alice', issuer: 'https://id.example', scopes: ['read'], claims: { sub: 'alice' } }
 */
export interface Identity {
  /** The method that verified the caller: `api_key`, `basic`, `jwt`, `oauth`, `mtls`, a plugin or a host strategy. */
  readonly method: string;
  /** 1 to 256 characters; unique within (method, issuer). */
  readonly subject: string;
  readonly issuer?: string;
  readonly name?: string;
  readonly scopes: readonly string[];
  /** What the method knows about the caller; `claims_to_headers` reads it. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** When the credential ends, in Unix seconds; absent where it does not end. */
  readonly expiresAt?: number;
  /** The caller's own limit (an API key's `rate_limit`). */
  readonly rateLimit?: Rate;
}

/** Methods keep one identity for many requests; what a handler writes into its own must not reach the next caller. */
export function copyOf(identity: Identity): Identity {
  const { scopes, claims, rateLimit } = identity;
  const own = Object.isFrozen(claims) ? { ...claims } : (ownValue(claims, new Map()) as Identity['claims']);
  return { ...identity, scopes: [...scopes], claims: own, ...(rateLimit && { rateLimit: { ...rateLimit } }) };
}

/**
 * What is frozen nobody can write into; what has a class is a host's own, made for this request. A host's user may lead
 * back to itself, so that each object is copied once.
 */
function ownValue(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return value;
  const copy: object = Array.isArray(value) ? [] : {};
  copies.set(value, copy);
  for (const name of Object.keys(value)) {
    const own = ownValue((value as Record<string, unknown>)[name], copies);
    // A claim may be called so, and setting it would set the prototype.
    if (name !== '__proto__') (copy as Record<string, unknown>)[name] = own;
    else Object.defineProperty(copy, name, { value: own, writable: true, enumerable: true, configurable: true });
  }
  return copy;
}

/** When the first of the identities ends, in milliseconds since the epoch; undefined where none does. */
export function expiryOf(identities: readonly Identity[]): number | undefined {
  const ends = identities.flatMap(({ expiresAt }) => (expiresAt === undefined ? [] : [expiresAt * 1_000]));
  return ends.length === 0 ? undefined : Math.min(...ends);
}
