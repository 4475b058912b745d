/** What the rest of an application sees of the verdict: `req.auth`, `req.user`, and all identities of an `all`. */
import type { IncomingMessage } from 'node:http';
import { copyOf, type Identity } from '../auth/identity.js';
import { findContext, type RequestContext } from '../context/request-context.js';

declare module 'node:http' {
  interface IncomingMessage {
    /** The caller, once Loom has judged the request; null where nobody had to say who they are, and nobody did. */
    auth?: Identity | null;
  }
}

/** Assigned on every request, so that no earlier middleware's `auth` is taken for ours. */
export function setIdentities(context: RequestContext): void {
  const { request: req } = context;
  const identities = context.identities.map(copyOf);
  const [primary = null] = identities;
  req.auth = primary;
  // Passport's habit; on an open route a host's own session keeps its user.
  if (primary) (req as { user?: unknown }).user = primary;
  context.sharedIdentities = identities;
}

/**
 * Every identity of a request, the primary first: more than one where a route requires several methods.
 *
 * @example identitiesOf(req).map(({ method, subject }) => `${method}:${subject}`) // ['mtls:svc-a', 'jwt:alice']
 */
export function identitiesOf(req: IncomingMessage): readonly Identity[] {
  return findContext(req)?.sharedIdentities ?? [];
}
