/** Writes what an evaluation has found as an explanation: plain data without a credential. */
import { denialOfBytes, outcomeOf } from '../../admission/denial.js';
import { PLUGIN } from '../../auth/methods.js';
import { describe, methodsOf } from '../../auth/requirement.js';
import type { Outcome } from '../../auth/decision.js';
import type { ReasonCode } from '../../auth/verdict.js';
import type { Plan } from '../../config/plan-types.js';
import { loggedHost, loggedPath } from '../../http/logged-path.js';
import type { DenialCode } from '../../http/problem.js';
import { cureOf } from './cures.js';
import type { DescribedRequest } from './described-request.js';
import type { Endpoint } from './endpoint.js';
import type { Explanation } from './explanation.js';
import { explainMethods } from './explained-methods.js';
import { matchedBy } from './matched-route.js';
import type { Evaluation } from './evaluation.js';

export interface Evaluated {
  readonly plan: Plan;
  readonly description: DescribedRequest;
  readonly endpoint: Endpoint;
  readonly evaluation: Evaluation;
}

export function report(evaluated: Evaluated): Explanation {
  const { plan, description, endpoint, evaluation } = evaluated;
  const { context } = evaluation;
  const requirement = context?.foundGuard?.requirement;
  const methods = explainMethods(plan, evaluation, requirement ? methodsOf(requirement) : []);
  const needs = [...new Set(methods.flatMap(({ needs: need }) => need ?? []))];
  const end = needs.length > 0 ? UNDECIDED : decidedEnd(evaluated);
  const admitted = end.allowed === true;
  return {
    ...end,
    request: {
      kind: context?.kind ?? 'request',
      method: description.method,
      host: loggedHost(context?.request.headers.host) ?? null,
      path: loggedPath(description.target),
      client: context?.address ?? endpoint.connection.from,
      tls: endpoint.connection.tls,
      at: new Date(evaluation.at).toISOString(),
      listener: endpoint.listener?.name ?? null,
    },
    route: context?.route ? matchedBy(context.route) : null,
    near: evaluation.decision?.near?.() ?? [],
    requirement: requirement ? describe(requirement) : null,
    methods,
    identities: admitted ? identitiesOf(evaluation) : [],
    identityHeaders: admitted ? (context?.identityHeaders ?? []).map(([name, value]) => ({ name, value })) : [],
    upstreamPath: admitted && evaluation.upstreamUrl !== undefined ? loggedPath(evaluation.upstreamUrl) : null,
    limits: limitsOf(evaluation),
    needs,
    notes: notesOf(evaluated, needs.length > 0),
  };
}

type EndOf = Pick<Explanation, 'outcome' | 'allowed' | 'status' | 'code' | 'reason' | 'detail' | 'cure' | 'authMethod'>;

const NOTHING: Omit<EndOf, 'outcome' | 'allowed'> = {
  status: null,
  code: null,
  reason: null,
  detail: null,
  cure: null,
  authMethod: null,
};
const UNDECIDED: EndOf = { outcome: 'undecided', allowed: null, ...NOTHING };

function decidedEnd({ endpoint, evaluation }: Evaluated): EndOf {
  const { handshakeFault } = endpoint;
  if (handshakeFault !== undefined) return failedHandshake(handshakeFault);
  const { outcome: end, denial, decision } = evaluation;
  if (typeof end === 'object') return unreadable(end.unreadable);
  if (end === 'denied' && denial) {
    const { status, code, detail } = denial;
    const { reason, method } = decision ?? {};
    return refused(outcomeOf({ code, reason }), { status, code, reason, method, detail });
  }
  if (end === 'health') return { outcome: 'open', allowed: true, ...NOTHING, status: 200 };
  if (end === 'handed_over' && decision) return { outcome: decision.outcome, allowed: true, ...NOTHING };
  if (decision?.outcome === 'preflight') return { outcome: 'preflight', allowed: true, ...NOTHING, status: 204 };
  throw new Error('the explanation did not end in time');
}

interface Refusal {
  readonly status: number | null;
  readonly code: DenialCode;
  readonly reason?: ReasonCode | undefined;
  readonly method?: string | undefined;
  readonly detail?: string | undefined;
}

function refused(outcome: Outcome, { status, code, reason, method, detail }: Refusal): EndOf {
  return {
    outcome,
    allowed: false,
    status,
    code,
    reason: reason ?? null,
    detail: detail ?? null,
    cure: cureOf(code, reason),
    authMethod: method ?? null,
  };
}

function failedHandshake({ detail, reason }: NonNullable<Endpoint['handshakeFault']>): EndOf {
  return { ...refused('rejected', { status: null, code: 'unauthorized', reason, detail }), code: null };
}

/** CONNECT reaches no route. */
function unreadable(parserCode: string | undefined): EndOf {
  if (parserCode === 'CONNECT') return refused('unrouted', { status: 405, code: 'method_not_allowed' });
  const { status, code } = denialOfBytes(parserCode);
  return refused('malformed', { status, code, detail: 'the HTTP parser does not accept the request' });
}

function identitiesOf({ decision }: Evaluation): Explanation['identities'] {
  return (decision?.identities ?? []).map(({ method, subject, issuer, scopes }) => ({
    method,
    subject,
    ...(issuer === undefined ? {} : { issuer }),
    scopes: [...scopes],
  }));
}

function limitsOf({ claims }: Evaluation): Explanation['limits'] {
  return claims.map(({ scope = 'global', rate: { rate, perMs, burst } }) => {
    return { scope, requests: rate, seconds: perMs / 1_000, burst };
  });
}

const PLUGIN_NOTE =
  'A plugin ran in an instance of its own, with empty shared data and with the clock of this machine.';

function notesOf({ plan, description, endpoint, evaluation }: Evaluated, undecided: boolean): readonly string[] {
  const notes = [...endpoint.notes];
  if (description.isHostAssumed) notes.push('The request has no host, so Host is localhost.');
  if (evaluation.outcome === 'health') notes.push('The listener answers the health check itself.');
  if (evaluation.claims.length > 0) notes.push('No limit was counted. A gateway answers 429 above a limit.');
  if (plan.methods.some(({ name, type }) => type === PLUGIN && evaluation.hasEvaluated(name))) notes.push(PLUGIN_NOTE);
  if (undecided) notes.push('Methods after an undecided one were judged as if the undecided one had failed.');
  if (endpoint.handshakeFault !== undefined) notes.push('The TLS handshake fails, so the client gets no HTTP answer.');
  if (plan.methods.some(({ certificate }) => certificate) && description.scheme === undefined)
    notes.push('A URL without https:// is read as a connection without TLS.');
  return notes;
}
