/** The stage that collects the headers of verified identities and of the client certificate (`client_cert_headers`). */
import { createRequire } from 'node:module';
import type * as Certificates from '../certificates/certificate.js';
import type { HeaderFields, RequestContext } from '../context/request-context.js';
import { foldName } from '../http/header-policy.js';
import { headerValue } from '../http/header-value.js';
import { listed } from '../lib/sentence.js';
import type { Denial } from './denial.js';
import type { AdmissionPolicy } from './policy.js';

const require = createRequire(import.meta.url);

const CONFLICT: Denial = { status: 403, code: 'forbidden', reason: 'identity_conflict' };

/** Only collects the headers. They are set when the request continues. */
export function collectIdentityHeaders(policy: AdmissionPolicy, context: RequestContext): Denial | undefined {
  const { set, omitted, conflict } = policy.identityHeaders.of(context.identities);
  if (conflict !== undefined) return { ...CONFLICT, detail: () => describeConflict(context, conflict) };
  for (const { why, ...facts } of omitted) {
    if (why !== 'missing') policy.throttledLog.warn({ ...facts, why }, 'an identity header was omitted');
  }
  context.identityHeaders = withCertificate(set, certificateHeaders(policy, context));
  return undefined;
}

function describeConflict({ identities }: RequestContext, header: string): string {
  const methods = listed([...new Set(identities.map(({ method }) => method))], 'and');
  return `${methods} set the header \`${header}\` to different values; see \`claims_to_headers\``;
}

/** If an identity and a certificate both set a header, the header of the identity is used. */
function withCertificate(set: HeaderFields, certified: HeaderFields): HeaderFields {
  if (certified.length === 0) return set;
  const known = new Set(set.map(([name]) => foldName(name)));
  return [...set, ...certified.filter(([name]) => !known.has(foldName(name)))];
}

/**
 * Collects the headers on every request whose connection has a verified certificate, also on open routes. Loom does not
 * know which certificate authorities a host's own server trusts. There, the `mtls` method must have granted the
 * request.
 */
function certificateHeaders(policy: AdmissionPolicy, { request, identities }: RequestContext): HeaderFields {
  const rules = policy.certificateRules(request);
  if (rules.length === 0) return [];
  const vouched =
    policy.standalone || identities.some(({ method }) => policy.methods.get(method)?.certificate === true);
  // A configuration with such rules already loads this module with its `mtls` method.
  const { certificateClaims } = require('../certificates/certificate.js') as typeof Certificates;
  const claims = vouched ? certificateClaims(request.socket, policy.now()) : undefined;
  if (!claims) return [];
  return rules.flatMap(({ claim, header }): [string, string][] => {
    const value = headerValue(claim === 'san' ? spiffeFirst(claims.sans) : claims[claim as keyof typeof claims]);
    return value.kind === 'value' ? [[header, value.text]] : [];
  });
}

/** A workload is known by its SPIFFE ID. The other names keep the order of the certificate. */
function spiffeFirst(names: readonly string[]): readonly string[] {
  const isSpiffe = (name: string): boolean => name.startsWith('URI:spiffe://');
  return [...names.filter(isSpiffe), ...names.filter((name) => !isSpiffe(name))];
}
