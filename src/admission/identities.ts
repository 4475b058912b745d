/** Sets the identities that an application reads: `req.auth`, `req.user`, and every identity of a request. */
import type { IncomingMessage } from 'node:http';
import { copyOf, hostUserOf, type Identity } from '../auth/identity.js';
import { findContext, type RequestContext } from '../context/request-context.js';

declare global {
  // The types of Express, Passport and other packages extend this interface.
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace Express {
    // eslint-disable-next-line @typescript-eslint/no-empty-object-type
    interface Request {}
  }
}

/**
 * The type of `req.auth`. A package such as express-oauth2-jwt-bearer may declare its own `auth` for Express. Two types
 * would be a conflict, so the type of that package counts, and `authOf(req)` returns the identity of Loom.
 */
type RequestAuth<Request> = 'auth' extends keyof Request
  ? Exclude<Request['auth' & keyof Request], undefined>
  : Identity | null;

declare module 'node:http' {
  interface IncomingMessage {
    /** The caller, after Loom has admitted the request; null if no credential was required and none was sent. */
    auth?: RequestAuth<Express.Request>;
  }
}

/**
 * Assigns `req.auth` on every request. Otherwise the `auth` of an earlier middleware could be read as Loom's identity.
 * `req.user` is the user of a host strategy, as in Passport, or the identity.
 */
export function setIdentities(context: RequestContext): void {
  const primary = shareIdentities(context);
  // On an open route a host's own session keeps its user.
  if (!primary) return;
  context.user = hostUserOf(context.identities) ?? primary;
  (context.request as { user?: unknown }).user = context.user;
}

/** As `setIdentities`, but `req.user` is unchanged. Returns the primary identity. */
export function shareIdentities(context: RequestContext): Identity | null {
  const identities = context.identities.map(copyOf);
  const [primary = null] = identities;
  context.request.auth = primary;
  context.sharedIdentities = identities;
  return primary;
}

/** Removes the identities that an earlier gate has set, because a later one has denied the request. */
export function forgetIdentities(context: RequestContext): void {
  const request = context.request as { auth?: unknown; user?: unknown };
  if (context.user !== undefined && request.user === context.user) delete request.user;
  request.auth = null;
  context.sharedIdentities = [];
}

/**
 * Returns the caller of a guarded request: `req.auth`, which no other middleware can replace here.
 *
 * @param req A request that Loom has admitted.
 * @returns The identity; where several auth methods are required, the first one.
 * @throws {TypeError} The request has no identity: its route is open or optional, or Loom has not admitted the request.
 * @example
 * import express from 'express';
 * import { authOf, loom } from 'loom-auth';
 *
 * const app = express();
 * app.use(loom('loom.yaml'));
 * app.get('/orders', (req, res) => void res.json({ caller: authOf(req).subject }));
 */
export function authOf(req: IncomingMessage): Identity {
  const context = findContext(req);
  const [identity] = context?.sharedIdentities ?? [];
  if (identity) return identity;
  throw new TypeError(
    context
      ? 'the request has no identity: its route needs no credential, or Loom has not admitted it'
      : 'the request did not pass Loom: mount Loom before this handler',
  );
}

/**
 * Returns every identity of a request; with `require_any: false` there is one for each required auth method.
 *
 * @param req A request that Loom has admitted.
 * @returns The identities in the order of the auth methods; empty if no credential was required and none was sent.
 * @example
 * import { createServer } from 'node:http';
 * import { identitiesOf, loom } from 'loom-auth';
 *
 * const gate = loom('loom.yaml');
 * createServer((req, res) => gate(req, res, () => res.end(identitiesOf(req).map(({ subject }) => subject).join())));
 */
export function identitiesOf(req: IncomingMessage): readonly Identity[] {
  return findContext(req)?.sharedIdentities ?? [];
}
