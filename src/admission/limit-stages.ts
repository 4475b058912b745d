/** The stages that take rate limit tokens: by address before auth methods run, by identity after them. */
import type { RequestContext } from '../context/request-context.js';
import type { PlannedRateLimit } from '../config/plan-types.js';
import { ageText } from '../lib/sentence.js';
import type { MaybePromise } from '../lib/types.js';
import { rateLimitHeaders } from '../limit/headers.js';
import { fillTemplates } from '../limit/template.js';
import type { RateLimitDecision } from '../limit/limiter.js';
import { headerValues } from '../auth/credentials.js';
import { subjectSourceOf, type Identity } from '../auth/identity.js';
import { bucketWords, type LimitedIdentity, type LimitFacts } from '../limit/keys.js';
import { claimAt } from '../lib/claim-path.js';
import type { Denial } from './denial.js';
import type { AdmissionPolicy } from './policy.js';

export function limitByAddress(policy: AdmissionPolicy, context: RequestContext): MaybePromise<Denial | undefined> {
  const decision = policy.limits.byAddress(context, () => limitFacts(policy, context));
  return decision instanceof Promise
    ? decision.then((each) => settle(policy, context, each))
    : settle(policy, context, decision);
}

export function limitByIdentity(policy: AdmissionPolicy, context: RequestContext): MaybePromise<Denial | undefined> {
  const decision = policy.limits.byIdentity(context, () => limitFacts(policy, context));
  return decision instanceof Promise
    ? decision.then((each) => settle(policy, context, each))
    : settle(policy, context, decision);
}

/** The response headers show the tightest limit. */
function settle(
  policy: AdmissionPolicy,
  context: RequestContext,
  decision: RateLimitDecision | undefined,
): Denial | undefined {
  if (!decision) return undefined;
  if (!decision.allowed) return limitDenial(decision, policy.plan.rateLimit?.response);
  const { limit } = context;
  if (!limit || decision.remaining <= limit.remaining) context.limit = decision;
  return undefined;
}

/** Returns the denial of a request above a limit (429), or of a request whose tokens could not be counted (503). */
function limitDenial(decision: RateLimitDecision, own: PlannedRateLimit['response']): Denial {
  if (decision.unavailable === true) {
    const headers = { 'Retry-After': String(decision.retryAfterSeconds) };
    const detail = (): string => 'Redis does not answer, and `on_store_error` is `deny`';
    return { status: 503, code: 'unavailable', reason: 'store_unavailable', headers, detail };
  }
  const headers = rateLimitHeaders(decision);
  const detail = (): string => describeLimit(decision);
  const limit = { key: bucketWords(decision.key), opens_in_s: decision.retryAfterSeconds };
  if (!own) return { status: 429, code: 'rate_limited', headers, detail, limit };
  const { status } = own;
  const configured = own.headers.map(([name, value]) => [name, fillTemplates(value, decision)] as const);
  const replaced = new Set(configured.map(([name]) => name.toLowerCase()));
  const usual = Object.entries(headers).filter(([name]) => !replaced.has(name.toLowerCase()));
  const body = Buffer.from(fillTemplates(own.body, decision));
  return {
    status,
    code: 'rate_limited',
    detail,
    limit,
    response: { status, headers: [...usual, ...configured], body },
  };
}

function describeLimit({ scope, limit, rate, retryAfterSeconds }: RateLimitDecision): string {
  const allowed = `${rate.rate} requests in ${ageText(rate.perMs)}, burst ${limit}`;
  return `the limit of scope ${scope} (${allowed}) is reached; a request passes in ${retryAfterSeconds} s`;
}

/** The facts of a request for rate limits: its address, its identity, and its headers with their origin. */
function limitFacts(policy: AdmissionPolicy, context: RequestContext): LimitFacts {
  const { address, route, identities, identityHeaders } = context;
  const [identity] = identities;
  const set = (name: string): string | undefined => identityHeaders.find(([each]) => each.toLowerCase() === name)?.[1];
  return {
    address,
    path: route?.path ?? '',
    ...(identity ? { identity: limitedIdentity(identity) } : {}),
    header: (name) => set(name.toLowerCase()) ?? sentHeader(policy, context, name.toLowerCase()),
    claim: (path) => claimText(identity, path),
    holds: (path, value) => identity !== undefined && holdsClaim(identity, path, value),
    vouched: (name) => set(name) !== undefined || isGrantedHeader(policy, context, name),
  };
}

/** A credential header that granted nothing has no value. A client would choose its tier with it. */
function sentHeader(policy: AdmissionPolicy, context: RequestContext, name: string): string | undefined {
  const counts = !policy.isCredentialHeader(name) || isGrantedHeader(policy, context, name);
  return counts ? headerValues(context.request, name)[0] : undefined;
}

function isGrantedHeader(policy: AdmissionPolicy, { request, identities }: RequestContext, name: string): boolean {
  return identities.some((each) => policy.readsHeader(request, each, name));
}

function claimText(identity: Identity | undefined, path: string): string | undefined {
  const value = identity && claimAt(identity.claims, path);
  if (value === '' || (typeof value !== 'string' && typeof value !== 'number')) return undefined;
  // The number 42 and the text "42" are two callers.
  return `${typeof value} ${value}`;
}

function limitedIdentity(identity: Identity): LimitedIdentity {
  const { method, issuer, subject } = identity;
  const source = subjectSourceOf(identity);
  if (!source) return { method, issuer, subject };
  return { method, issuer, subject, source: `${source.type} ${source.claim}`, shared: source.shared };
}

/** Compares values as text, because the configuration contains text. For a list, compares each element. */
function holdsClaim({ claims }: Identity, path: string, value: string): boolean {
  const found = claimAt(claims, path);
  return (Array.isArray(found) ? found : [found]).some(
    (each) => ['string', 'number', 'boolean'].includes(typeof each) && String(each) === value,
  );
}
