/** What a verified client certificate says of its holder, for the headers of `client_cert_headers`. */
import type { IncomingMessage } from 'node:http';
import type { Identity } from '../auth/identity.js';
import { certificateClaims } from '../certificates/certificate.js';
import type { Gate } from './policy.js';
import { headerValue } from '../http/header-value.js';

/**
 * Set on every request whose connection has a verified certificate, open routes included. On a host's own server nobody
 * knows which authorities it trusts, so there the `mtls` method must have granted.
 */
export function certificateHeaders(
  gate: Gate,
  req: IncomingMessage,
  identities: readonly Identity[],
): readonly (readonly [name: string, value: string])[] {
  const rules = gate.certificateRules(req);
  if (rules.length === 0) return [];
  const vouched =
    gate.deps.standalone || identities.some(({ method }) => gate.planned.get(method)?.certificate === true);
  const claims = vouched ? certificateClaims(req.socket, gate.deps.now()) : undefined;
  if (!claims) return [];
  return rules.flatMap(({ claim, header }): [string, string][] => {
    const value = headerValue(claims[claim as keyof typeof claims]);
    return value.kind === 'value' ? [[header, value.text]] : [];
  });
}
