/** The checks that need the whole file. A check loads when the file has what it looks at: most files have little of it. */
import { createRequire } from 'node:module';
import type { Context } from '../context.js';
import type { Draft } from '../plan/plan.js';
import type * as Access from './access.js';
import type * as Authorities from './authorities.js';
import type * as ClientIpHeader from './client-ip-header.js';
import type * as CredentialSize from './credential-size.js';
import type * as Cors from './cors.js';
import { checkIdentityHeaders } from './headers.js';
import type * as Health from './health.js';
import type * as Limits from './limits.js';
import type * as Openings from './openings.js';
import type * as Operations from './operations.js';
import type * as PathSegments from './path-segments.js';
import type * as Proxies from './proxies.js';
import type * as References from './references.js';
import type * as Retries from './retries.js';
import { checkReservedHeaders } from './reserved-headers.js';
import type * as Routes from './routes.js';
import type * as SharedPlaces from './shared-places.js';
import type * as TrustedHeaders from './trusted-headers.js';
import { checkUse } from './use.js';

const require = createRequire(import.meta.url);

export function checkDraft(draft: Draft, context: Context): void {
  const { plan, blocks } = draft;
  if (context.mode === 'serve') checkServable(context);
  if ([blocks.listeners, blocks.routes, blocks.upstreams].some(({ length }) => length > 0))
    (require('./references.js') as typeof References).checkReferences(plan.listeners, blocks, context);
  if (plan.listeners.length > 0) (require('./authorities.js') as typeof Authorities).checkAuthorities(plan, context);
  if (plan.trustedProxies.length > 0)
    (require('./proxies.js') as typeof Proxies).checkProxies(plan.trustedProxies, ['trusted_proxies'], context);
  if (plan.listeners.some(({ proxyProtocol }) => proxyProtocol))
    (require('./proxies.js') as typeof Proxies).checkBalancers(blocks.listeners, context);
  if (plan.methods.some(({ longestCredentialBytes }) => longestCredentialBytes !== undefined))
    (require('./credential-size.js') as typeof CredentialSize).checkCredentialSize(plan, context);
  if (plan.routes.length > 0 || plan.rateLimit)
    (require('./path-segments.js') as typeof PathSegments).checkPathSegments(draft, context);
  checkIdentityHeaders(plan, context);
  checkReservedHeaders(plan, context);
  if (plan.methods.length > 1) (require('./shared-places.js') as typeof SharedPlaces).checkSharedPlaces(draft, context);
  if (plan.clientIpHeader)
    (require('./client-ip-header.js') as typeof ClientIpHeader).checkClientIpHeader(plan, context);
  if (context.has(['trusted_headers']))
    (require('./trusted-headers.js') as typeof TrustedHeaders).checkTrustedHeaders(plan, context);
  if (plan.rateLimit) (require('./limits.js') as typeof Limits).checkLimits(plan, context);
  if (plan.health) (require('./health.js') as typeof Health).checkHealth(draft, context);
  if (blocks.shutdown) (require('./health.js') as typeof Health).checkShutdown(context);
  if (blocks.admin || blocks.metrics || blocks.tracing)
    (require('./operations.js') as typeof Operations).checkOperations(draft, context);
  if (blocks.routes.some(({ value }) => value.retries !== undefined || value.retry_codes !== undefined))
    (require('./retries.js') as typeof Retries).checkRetries(blocks, plan.upstreams, context);
  if (blocks.cors) (require('./cors.js') as typeof Cors).checkCors(blocks.cors, context);
  if (plan.routes.length > 0) (require('./routes.js') as typeof Routes).checkRoutes(draft, context);
  if (plan.opens) (require('./openings.js') as typeof Openings).checkOpens(draft, context);
  if (plan.routes.length > 0) (require('./access.js') as typeof Access).checkAccess(draft, context);
  // What a file with mistakes requires is not known yet.
  if (!context.report.mistaken) checkUse(draft, context);
}

function checkServable(context: Context): void {
  for (const [block, why] of [
    ['listeners', 'there is nothing to listen on'],
    ['routes', 'there is nothing to serve'],
  ] as const) {
    if (!context.has([block]))
      context.report.error({ path: [], code: 'missing', message: `${block} is required: ${why}` });
  }
}
