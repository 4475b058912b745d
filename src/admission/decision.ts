/** The decision on a request, as logs, metrics and traces report it. */
import type { Decision } from '../auth/decision.js';
import type { RequestContext } from '../context/request-context.js';
import { outcomeOf, type Denial } from './denial.js';

export function decisionOf({ id, kind, route, identities }: RequestContext, denial: Denial | undefined): Decision {
  const about = { requestId: id, route: route?.id };
  if (denial) {
    const { reason, code, method } = denial;
    return { ...about, outcome: outcomeOf(denial), method, identities: [], reason, code };
  }
  if (kind === 'preflight') return { ...about, outcome: 'preflight', identities: [] };
  const outcome = identities.length > 0 ? 'granted' : 'open';
  return { ...about, upstream: route?.upstream, outcome, identities };
}
