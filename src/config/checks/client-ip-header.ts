/** `client_ip_header`: a header that means something else names no client, and its senders are not everyone. */
import { familyOf, foldName } from '../../http/header-policy.js';
import type { Context } from '../context.js';
import type { Plan } from '../plan-types.js';
import { checkProxies } from './proxies.js';

type Draft = Pick<Plan, 'clientIpHeader' | 'methods' | 'identityHeaders' | 'trustedHeaders' | 'logging'>;

const NAME = ['client_ip_header', 'name'];

export function checkClientIpHeader(plan: Draft, context: Context): void {
  const { clientIpHeader } = plan;
  if (!clientIpHeader) return;
  checkProxies(clientIpHeader.from, ['client_ip_header', 'from'], context);
  const { name } = clientIpHeader;
  const reserved = meaningOf(name);
  if (reserved !== undefined)
    context.report.error({ path: NAME, code: 'reserved_header', message: `${name} ${reserved}` });
  const used = reserved === undefined ? useOf(name, plan) : undefined;
  if (used !== undefined) context.report.error({ path: NAME, code: 'duplicate_header', message: `${name} ${used}` });
}

/** Headers about the client that hold one address. The other headers of this family have another form or meaning. */
const HOLDS_ADDRESS =
  /^(?:(?:x-)?(?:real|client|true|true-client|remote|cluster-client)-ip|x-originating-ip|x-forwarded(?:-client)?-ip|cf-connecting-ip|(?:fastly|fly|proxy|wl-proxy)-client-ip|do-connecting-ip|x-nf-client-connection-ip|x-azure-clientip|x-appengine-user-ip|x-envoy-external-address)$/;

/** Common headers without an address that the table of headers does not need to know. */
const OTHER_MEANING =
  /^(?:traceparent|tracestate|baggage|b3|x-b3-.*|(?:x-)?(?:request|correlation|trace|transaction)-id|x-amzn-trace-id|idempotency-key|(?:x-)?api-?key|x-(?:csrf|xsrf)-token|x-requested-with|(?:x-)?auth-token|x-access-token|token|priority|prefer|dnt|link|from|early-data|dpop|authentication|signature|signature-input|digest|location|server|vary|etag|last-modified|last-event-id|x-user(?:-.*)?|user(?:-.*)?)$/;

function meaningOf(name: string): string | undefined {
  const lower = name.toLowerCase();
  if (lower === 'cloudfront-viewer-address')
    return 'has an IPv6 address and a port without brackets, so the address is ambiguous: let CloudFront send X-Forwarded-For, and write its addresses in trusted_proxies';
  if (!/^[a-z0-9-]+$/.test(lower))
    return 'must have only letters, digits and "-": proxies write these characters alike';
  if (lower === 'x-forwarded-for')
    return 'is a list that trusted_proxies reads: write the addresses of the proxies there';
  const family = familyOf(lower);
  const isFree = family ? family.passage === 'from_proxies' && !family.credential : !OTHER_MEANING.test(lower);
  if (isFree && (!family || HOLDS_ADDRESS.test(lower))) return undefined;
  return 'has another meaning: write the header in which the CDN sends one client address, such as CF-Connecting-IP';
}

function useOf(name: string, { methods, identityHeaders, trustedHeaders, logging }: Draft): string | undefined {
  const isSame = (other: string): boolean => foldName(other) === foldName(name);
  if (identityHeaders.some(isSame)) return 'is an identity header of this file: what anyone sends of it is removed';
  if (trustedHeaders.some(isSame)) return 'is in trusted_headers: remove it from one of the two places';
  if (logging.requestId && isSame(logging.requestId.header)) return 'is the header of the request id';
  const places = methods.flatMap((method) => method.places);
  if (places.some((place) => place.in === 'header' && isSame(place.name)))
    return 'carries credentials of this file: a client address is no credential';
  return undefined;
}
