/** What one configuration decided about a request, as plain values, and how two of them differ. */
import { outcomeOf, type Denial } from '../../admission/denial.js';
import type { Decision, Outcome } from '../../auth/decision.js';
import type { Identity } from '../../auth/identity.js';
import type { HeaderFields, RequestContext } from '../../context/request-context.js';
import { listed, quoted } from '../../lib/sentence.js';
import type { ShadowDifference } from './report.js';

export interface Judgement {
  readonly outcome: Outcome;
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  readonly reason?: string | undefined;
  readonly route?: string | undefined;
  readonly upstream?: string | undefined;
  /** The callers: auth method, issuer and subject. */
  readonly callers: readonly Caller[];
  readonly headers: HeaderFields;
  /** Why the request was refused, in one sentence. */
  readonly detail?: string | undefined;
}

interface Caller {
  readonly method: string;
  readonly issuer: string | undefined;
  readonly subject: string;
}

const LONGEST_SUBJECT = 256;
const LONGEST_DETAIL = 512;

const callerOf = ({ method, issuer, subject }: Identity): Caller => ({ method, issuer, subject });

/** Copies the live decision. The host may change its identities later. */
export function liveJudgement(context: RequestContext, decision: Decision): Judgement {
  const { outcome, status, code, reason, route, upstream, identities } = decision;
  const headers = identities.length > 0 ? context.identityHeaders : [];
  return { outcome, status, code, reason, route, upstream, headers, callers: identities.map(callerOf) };
}

/** The decision of a configuration that is not served. */
export function candidateJudgement(context: RequestContext, denial: Denial | undefined): Judgement {
  const { kind, route, identities, identityHeaders } = context;
  if (denial) {
    const { status, code, reason } = denial;
    const detail = (denial.target?.detail ?? denial.detail?.())?.slice(0, LONGEST_DETAIL);
    return { outcome: outcomeOf(denial), status, code, reason, route: route?.id, detail, callers: [], headers: [] };
  }
  if (kind === 'preflight') return { outcome: 'preflight', route: route?.id, callers: [], headers: [] };
  const outcome = identities.length > 0 ? 'granted' : 'open';
  const headers = identities.length > 0 ? identityHeaders : [];
  return { outcome, route: route?.id, upstream: route?.upstream, callers: identities.map(callerOf), headers };
}

export type DifferenceKind = ShadowDifference['kind'];

/** Returns the first difference that a caller or an upstream can see. */
export function differenceOf(live: Judgement, next: Judgement): DifferenceKind | undefined {
  const { outcome, status, code, reason } = live;
  if (outcome !== next.outcome || status !== next.status || code !== next.code || reason !== next.reason)
    return 'decision';
  if (JSON.stringify(live.callers) !== JSON.stringify(next.callers)) return 'identity';
  if (live.upstream !== next.upstream) return 'upstream';
  return headerText(live) === headerText(next) ? undefined : 'headers';
}

function headerText({ headers }: Judgement): string {
  return JSON.stringify(headers.map(([name, value]) => [name.toLowerCase(), value]).sort());
}

/** Says why the next configuration decides otherwise. */
export function reasonOf(kind: DifferenceKind, live: Judgement, next: Judgement): string {
  if (kind === 'upstream') return `the request goes to ${upstreamOf(next)}, and now goes to ${upstreamOf(live)}`;
  if (kind === 'identity')
    return `the caller is ${subjectOf(next) ?? 'unknown'}, and now is ${subjectOf(live) ?? 'unknown'}`;
  if (kind === 'headers')
    return `the upstream gets other identity headers: ${listed(changedHeaders(live, next), 'and')}`;
  if (next.detail !== undefined) return next.detail;
  const route = next.route === undefined ? 'no route' : `the route ${quoted(next.route)}`;
  if (next.outcome === 'granted') return `${route} admits ${subjectOf(next) ?? 'the caller'}`;
  if (next.outcome === 'open') return `${route} admits the request without an identity`;
  if (next.outcome === 'preflight') return 'the cors block answers the preflight';
  return `${route} answers ${next.status ?? ''} ${next.reason ?? next.code ?? next.outcome}`;
}

const upstreamOf = ({ upstream }: Judgement): string => (upstream === undefined ? 'the host' : quoted(upstream));

function changedHeaders(live: Judgement, next: Judgement): readonly string[] {
  const has = ({ headers }: Judgement, [name, value]: readonly [string, string]): boolean =>
    headers.some((each) => each[0].toLowerCase() === name.toLowerCase() && each[1] === value);
  const changed = [
    ...next.headers.filter((each) => !has(live, each)),
    ...live.headers.filter((each) => !has(next, each)),
  ];
  return [...new Set(changed.map(([name]) => name))];
}

/** The callers as text: auth method and subject. */
export function subjectOf({ callers }: Judgement): string | undefined {
  if (callers.length === 0) return undefined;
  return callers.map(({ method, subject }) => `${method} ${subject}`.slice(0, LONGEST_SUBJECT)).join(' + ');
}
