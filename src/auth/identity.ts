/** The identity of a verified caller, in one shape for all auth methods. */

/**
 * The rate of a token bucket.
 *
 * @example
 * import type { Rate } from 'loom-auth';
 *
 * const thousandPerMinute: Rate = { rate: 1_000, perMs: 60_000, burst: 100 };
 */
export interface Rate {
  /** Requests per `perMs`. */
  readonly rate: number;
  /** Milliseconds. */
  readonly perMs: number;
  /** Requests at once. */
  readonly burst: number;
}

/**
 * A verified caller, as in `req.auth`.
 *
 * @example
 * import type { IncomingMessage } from 'node:http';
 * import type { Identity } from 'loom-auth';
 *
 * export const mayWrite = ({ scopes }: Identity): boolean => scopes.includes('write');
 * export const callerOf = (req: IncomingMessage): string => req.auth?.subject ?? 'anonymous';
 */
export interface Identity {
  /** The auth method that verified the caller: a method of the file, a plugin or a host strategy, by its name. */
  readonly method: string;
  /** 1 to 256 characters (1,024 for a certificate), unique within `method` and `issuer`. */
  readonly subject: string;
  /** The issuer of the token or certificate; absent for other credentials. */
  readonly issuer?: string;
  /** A name for people, if the method knows one. */
  readonly name?: string;
  /** The scopes of the token; empty for other credentials. */
  readonly scopes: readonly string[];
  /** The claims that the auth method knows; `claims_to_headers` reads them. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** End of the credential in Unix seconds; absent if it has no end. */
  readonly expiresAt?: number;
  /** The limit of this caller: the `rate_limit` of an API key. */
  readonly rateLimit?: Rate;
}

const USER = Symbol('user');

/** Keeps the user of a host strategy with its identity. Copies and logs of the identity do not contain the user. */
export function withUser(identity: Identity, user: unknown): Identity {
  return Object.defineProperty(identity, USER, { value: user });
}

/** Returns the user that a host strategy returned. Undefined if no identity is of a host strategy. */
export function hostUserOf(identities: readonly Identity[]): unknown {
  return identities.map((each) => (each as { [USER]?: unknown })[USER]).find((user) => user !== undefined);
}

/** The claim that became the subject, with its type, and whether many callers have the same value. */
export interface SubjectSource {
  readonly claim: string;
  readonly type: 'string' | 'number';
  readonly shared: boolean;
}

/** Not a member of the identity: all auth methods have one shape of identities. */
const subjectSources = new WeakMap<Identity, SubjectSource>();

export function rememberSubjectSource(identity: Identity, source: SubjectSource): void {
  subjectSources.set(identity, source);
}

/** Returns the claim that became the subject; undefined for an identity without claims. */
export function subjectSourceOf(identity: Identity): SubjectSource | undefined {
  return subjectSources.get(identity);
}

/** Copies an identity. Auth methods reuse one identity, and a change by a handler must not reach the next request. */
export function copyOf(identity: Identity): Identity {
  const { scopes, claims, rateLimit } = identity;
  const own = Object.isFrozen(claims) ? { ...claims } : (ownValue(claims, new Map()) as Identity['claims']);
  return { ...identity, scopes: [...scopes], claims: own, ...(rateLimit && { rateLimit: { ...rateLimit } }) };
}

/**
 * Frozen values need no copy. An instance of a class belongs to the host and was made for this request. A user of a
 * host may contain itself, so each object is copied once.
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
    // A claim may have this name. An assignment would set the prototype.
    if (name !== '__proto__') (copy as Record<string, unknown>)[name] = own;
    else Object.defineProperty(copy, name, { value: own, writable: true, enumerable: true, configurable: true });
  }
  return copy;
}

/** The earliest expiry of the identities, in milliseconds since the epoch; undefined if none expires. */
export function expiryOf(identities: readonly Identity[]): number | undefined {
  const ends = identities.flatMap(({ expiresAt }) => (expiresAt === undefined ? [] : [expiresAt * 1_000]));
  return ends.length === 0 ? undefined : Math.min(...ends);
}
