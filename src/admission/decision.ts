/** The decision that an admission is, in the words of logs and metrics. */
import type { IncomingMessage } from 'node:http';
import type { Decision } from '../auth/decision.js';
import type { Admission } from './admit.js';
import { outcomeOf } from './denial.js';
import { requestIdOf } from './request-id.js';

export function decisionOf(req: IncomingMessage, admission: Admission): Decision {
  const about = { requestId: requestIdOf(req), route: admission.route?.id };
  switch (admission.kind) {
    case 'refused': {
      const { denial } = admission;
      const { reason, code, method } = denial;
      return { ...about, outcome: outcomeOf(denial), method, identities: [], reason, code };
    }
    case 'admitted': {
      const { identities } = admission;
      const { upstream } = admission.route ?? {};
      return { ...about, upstream, outcome: identities.length > 0 ? 'granted' : 'open', identities };
    }
    case 'preflight':
      return { ...about, outcome: 'preflight', identities: [] };
  }
}
