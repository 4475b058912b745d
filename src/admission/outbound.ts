/** Prepares an admitted request: removes credentials and hop-by-hop headers, and sets identity headers. */
import type { IncomingMessage } from 'node:http';
import type { Place } from '../auth/credentials.js';
import { holdsGranted } from '../auth/granted-credential.js';
import type { PlannedRoute } from '../config/plan-types.js';
import type { RequestContext } from '../context/request-context.js';
import { editFields, setField } from '../http/fields.js';
import { familyOf } from '../http/header-policy.js';
import { upstreamPath } from '../routing/path-rewrite.js';
import { prepareForward } from './forwarded.js';
import { setIdentities } from './identities.js';
import type { AdmissionPolicy } from './policy.js';
import { credentialRemoval, isKept, withoutCredentials } from './strip-credentials.js';

/**
 * Prepares a request for a handler of the host. Sets identity headers and `req.auth`, and removes the identity headers
 * of other products. The rest of the request is unchanged.
 */
export function prepareLocal(policy: AdmissionPolicy, context: RequestContext): void {
  policy.stripForeignIdentity(context);
  setIdentityHeaders(context);
  setIdentities(context);
}

export function setIdentityHeaders(context: RequestContext): void {
  for (const [name, value] of context.identityHeaders) setField(context.request, name, value);
  if (context.identityHeaders.length === 0) return;
  const set = context.identityHeaders.map(([name]) => name.toLowerCase());
  context.ownHeaders = context.ownHeaders.length === 0 ? set : [...new Set([...context.ownHeaders, ...set])];
}

/** Prepares a request for an upstream. Returns the path and the query that the upstream receives. */
export function prepareOutbound(policy: AdmissionPolicy, context: RequestContext, route: PlannedRoute): string {
  const { request, target, injected } = context;
  if (injected) setChunked(request);
  const path = upstreamPath(route, target.path);
  const query = target.query === undefined ? '' : `?${target.query}`;
  const kept = keptOf(policy, context);
  prepareForward(request, {
    withoutCredential: credentialRemoval(request, policy.places, kept),
    trusted: policy.isTrusted,
    trustedHeaders: policy.trustedHeaders,
    clientHeader: policy.clients.header,
    isSet: (name) => isSetFor(policy, context, name),
    cdnClient: context.cdnRoute && { address: context.address, route: context.cdnRoute },
    // A granted credential may have the name of an identity header, such as `Cf-Access-Jwt-Assertion`.
    keeps: (name, value) =>
      context.ownHeaders.includes(name) || (familyOf(name)?.passage === 'where_named' && isKept(kept, name, value)),
  });
  setIdentityHeaders(context);
  // The handlers of a host may log who called. A gateway has no handlers.
  if (!policy.standalone) setIdentities(context);
  return withoutCredentials(path + query, policy.places);
}

/** The fields of the span (https://www.w3.org/TR/trace-context/). */
const TRACE: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);

/** Whether a field is the request id or the span, which Loom has set. `name` is in lower case. */
function isSetFor({ plan }: AdmissionPolicy, { id, trail }: RequestContext, name: string): boolean {
  if (TRACE.has(name)) return trail?.span !== undefined;
  return id !== undefined && name === plan.logging.requestId?.header.toLowerCase();
}

/**
 * The `Content-Length` of an injected request is a claim: an adapter decodes the body, and its length changes. Bytes above
 * the length would be a second request for the upstream.
 */
function setChunked(request: IncomingMessage): void {
  editFields(request, (name, value) => (name === 'content-length' ? undefined : value));
  setField(request, 'Transfer-Encoding', 'chunked');
}

/** A credential is forwarded only if it granted this request and its auth method allows forwarding. */
function keptOf(policy: AdmissionPolicy, { request, identities }: RequestContext): ReadonlySet<Place> {
  let kept: Set<Place> | undefined;
  for (const identity of identities) {
    const method = policy.methods.get(identity.method);
    if (method?.forwardsCredential !== true) continue;
    for (const place of method.places) if (holdsGranted(request, identity, place)) (kept ??= new Set()).add(place);
  }
  return kept ?? NOTHING;
}

const NOTHING: ReadonlySet<Place> = new Set();
