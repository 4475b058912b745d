/** Turns an admitted request into the one that goes on: credentials out, hop-by-hop out, identity headers in. */
import type { IncomingMessage } from 'node:http';
import type { Place } from '../auth/credentials.js';
import type { Identity } from '../auth/identity.js';
import type { PlannedRoute } from '../config/plan-types.js';
import { familyOf } from '../http/header-policy.js';
import type { Admitted } from './admit.js';
import { createKeeps, emptyCredentials } from './strip-credentials.js';
import { prepareForward } from './forwarded.js';
import type { Gate } from './policy.js';
import { setField } from '../http/fields.js';
import { setIdentities } from './identities.js';
import { isSetHere, noteSet } from './strip-foreign-identity.js';
import { upstreamPath } from '../routing/path-rewrite.js';

/**
 * For a handler of the host: identity headers and `req.auth`. The identity headers of other products go; the rest of the
 * request stays the client's.
 */
export function prepareLocal(req: IncomingMessage, admitted: Admitted): void {
  admitted.stripOthers(req);
  setIdentity(req, admitted);
}

function setIdentity(req: IncomingMessage, { headers, identities }: Admitted): void {
  for (const [name, value] of headers) {
    setField(req, name, value);
    noteSet(req, name);
  }
  setIdentities(req, identities);
}

/** For an upstream; returns path and query as it receives them. */
export function prepareOutbound(
  gate: Gate,
  req: IncomingMessage,
  admitted: Admitted & { readonly route: PlannedRoute },
): string {
  const { target, route, identities } = admitted;
  const path = upstreamPath(route, target.path);
  const query = target.query === undefined ? '' : `?${target.query}`;
  const kept = keptOf(gate, identities);
  const url = emptyCredentials(req, gate.places, { kept, url: path + query });
  const granted = createKeeps(gate.places, kept);
  const { trustedHeaders } = gate;
  prepareForward(req, {
    trusted: (address) => gate.isTrusted(address),
    trustedHeaders,
    // A credential that granted may have the name of an identity header, such as `Cf-Access-Jwt-Assertion`.
    keeps: (name, value) => isSetHere(req, name) || (familyOf(name)?.passage === 'where_named' && granted(name, value)),
  });
  setIdentity(req, admitted);
  return url;
}

/** A credential goes on only if it granted on this request, and its method says so. */
function keptOf(gate: Gate, identities: readonly Identity[]): (place: Place) => boolean {
  return (place) =>
    identities.some(({ method }) => {
      const planned = gate.planned.get(method);
      return planned?.forwardsCredential === true && planned.places.includes(place);
    });
}
