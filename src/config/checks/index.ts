/** The checks that need the whole file. A check loads when the file has what it looks at: most files have little of it. */
import { createRequire } from 'node:module';
import type { Context } from '../context.js';
import type { Draft } from '../plan/plan.js';
import { checkAccess } from './access.js';
import type * as Authorities from './authorities.js';
import { checkCredentialSize } from './credential-size.js';
import type * as Cors from './cors.js';
import { checkIdentityHeaders } from './headers.js';
import type * as Health from './health.js';
import type * as Limits from './limits.js';
import type * as Openings from './openings.js';
import type * as Operations from './operations.js';
import { checkPathSegments } from './path-segments.js';
import type * as Proxies from './proxies.js';
import { checkIds, checkListeners, checkUpstreamNames } from './references.js';
import type * as Retries from './retries.js';
import { checkReservedHeaders } from './reserved-headers.js';
import type * as Routes from './routes.js';
import { checkSharedPlaces } from './shared-places.js';
import type * as TrustedHeaders from './trusted-headers.js';

const require = createRequire(import.meta.url);

export function checkDraft(draft: Draft, context: Context): void {
  const { plan, blocks } = draft;
  if (context.mode === 'serve') checkServable(context);
  checkUpstreamNames(blocks, context);
  checkIds(blocks, context);
  checkListeners(plan.listeners, blocks, context);
  if (plan.listeners.length > 0) (require('./authorities.js') as typeof Authorities).checkAuthorities(plan, context);
  if (plan.trustedProxies.length > 0)
    (require('./proxies.js') as typeof Proxies).checkProxies(plan.trustedProxies, context);
  checkCredentialSize(plan, context);
  checkPathSegments(draft, context);
  checkIdentityHeaders(plan, context);
  checkReservedHeaders(plan, context);
  if (plan.methods.length > 1) checkSharedPlaces(draft, context);
  if (context.has(['trusted_headers']))
    (require('./trusted-headers.js') as typeof TrustedHeaders).checkTrustedHeaders(plan, context);
  if (plan.rateLimit) (require('./limits.js') as typeof Limits).checkLimits(plan, context);
  if (plan.health) (require('./health.js') as typeof Health).checkHealth(draft, context);
  if (blocks.admin || blocks.metrics || blocks.tracing)
    (require('./operations.js') as typeof Operations).checkOperations(draft, context);
  if (blocks.routes.some(({ value }) => value.retries !== undefined || value.retry_codes !== undefined))
    (require('./retries.js') as typeof Retries).checkRetries(blocks, plan.upstreams, context);
  if (blocks.cors) (require('./cors.js') as typeof Cors).checkCors(blocks.cors, context);
  if (plan.routes.length > 0) (require('./routes.js') as typeof Routes).checkRoutes(draft, context);
  if (plan.opens) (require('./openings.js') as typeof Openings).checkOpens(draft, context);
  // Last: it says nothing of files that have mistakes.
  checkAccess(draft, context);
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
