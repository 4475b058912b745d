/** `trusted_headers`: who sends them, and that no other rule of the file decides what becomes of them. */
import { familyOf, foldName } from '../../http/header-policy.js';
import type { Context } from '../context.js';
import type { Plan } from '../plan-types.js';

type Draft = Pick<Plan, 'trustedProxies' | 'methods' | 'identityHeaders'>;

const LIST = 'trusted_headers';

export function checkTrustedHeaders(plan: Draft, context: Context): void {
  const { report } = context;
  if (!context.has([LIST])) return;
  // A list with mistakes is no missing list.
  if (!context.has(['trusted_proxies'])) {
    const message = 'needs trusted_proxies: without it no peer is trusted to send these headers';
    report.error({ path: [LIST], code: 'missing', message });
  }
  const seen = new Set<string>();
  for (let at = 0; at < (context.length([LIST]) ?? 0); at++) {
    const header = context.value([LIST, at]);
    if (typeof header !== 'string') continue;
    const folded = foldName(header);
    const fault = seen.has(folded) ? 'is in this list already' : faultOf(header, plan);
    if (fault !== undefined) report.error({ path: [LIST, at], code: codeOf(fault), message: `${header} ${fault}` });
    seen.add(folded);
  }
}

const RESERVED = 'is no identity header: it has another meaning, and trusted_proxies alone decides who may send it';

const codeOf = (fault: string): 'reserved_header' | 'duplicate_header' =>
  fault === RESERVED ? 'reserved_header' : 'duplicate_header';

function faultOf(header: string, { methods, identityHeaders }: Draft): string | undefined {
  const folded = foldName(header);
  const isSame = (other: string): boolean => foldName(other) === folded;
  const passage = familyOf(header)?.passage ?? 'where_named';
  if (passage !== 'where_named') return RESERVED;
  if (identityHeaders.some(isSame))
    return 'is set by this file: what a proxy sends of it is removed. Remove it from one of the two places';
  const places = methods.flatMap((method) => method.places);
  if (places.some((place) => place.in === 'header' && isSame(place.name)))
    return 'carries credentials: a credential goes on with forward_credentials alone';
  return undefined;
}
