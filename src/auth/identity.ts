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
