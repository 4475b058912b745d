/** What the rest of an application sees of the verdict: `req.auth`, `req.user`, and all identities of an `all`. */
import type { IncomingMessage } from 'node:http';
import type { Identity } from '../auth/identity.js';

declare module 'node:http' {
  interface IncomingMessage {
    /** The caller, once Loom has judged the request; null where nobody had to say who they are, and nobody did. */
    auth?: Identity | null;
  }
}

const all = new WeakMap<IncomingMessage, readonly Identity[]>();

/** Assigned on every request, so that no earlier middleware's `auth` is taken for ours. */
export function setIdentities(req: IncomingMessage, judged: readonly Identity[]): void {
  const identities = judged.map(ownCopy);
  const [primary = null] = identities;
  req.auth = primary;
  // Passport's habit; on an open route a host's own session keeps its user.
  if (primary) (req as { user?: unknown }).user = primary;
  all.set(req, identities);
}

/** Methods keep one identity for many requests; what a handler writes into its own must not reach the next caller. */
function ownCopy(identity: Identity): Identity {
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
  for (const [name, each] of Object.entries(value)) {
    // A claim may be called `__proto__`.
    Object.defineProperty(copy, name, {
      value: ownValue(each, copies),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return copy;
}

/**
 * Every identity of a request, the primary first: more than one where a route requires several methods.
 *
 * @example identitiesOf(req).map(({ method, subject }) => `${method}:${subject}`) // ['mtls:svc-a', 'jwt:alice']
 */
export function identitiesOf(req: IncomingMessage): readonly Identity[] {
  return all.get(req) ?? [];
}
