/** Admission: one request judged from its first byte to its identity headers, or refused (spec §2 to §6). */
import type { IncomingMessage } from 'node:http';
import { attemptOf } from '../auth/combine.js';
import type { Identity } from '../auth/identity.js';
import type { Verdict } from '../auth/verdict.js';
import type { PlannedRoute } from '../config/plan-types.js';
import { clientAddressOf } from '../http/client-address.js';
import type { MaybePromise } from '../lib/types.js';
import { rateLimitHeaders } from '../limit/headers.js';
import type { Decision } from '../limit/limiter.js';
import { identityHeaders } from './identity-headers.js';
import { certificateHeaders } from './certificate-headers.js';
import { crossSiteRefused, isAmbient } from './cross-site.js';
import type { Gate, Guard } from './policy.js';
import { limitDenial } from './limit-denial.js';
import { limitFacts } from './limit-facts.js';
import type { LimitDecision, Metered } from './limits.js';
import { foldName } from '../http/header-policy.js';
import { setField } from '../http/fields.js';
import { find, findAny, isGuardedOtherwise, isMountOfAnother, local, NO_ROUTE, refused } from './locate.js';
import type { Found, Refused } from './locate.js';
import { denialOf } from './denial.js';
import type { Strip } from './strip-identity-headers.js';
import { readTarget, type Target } from '../http/target.js';
import { wholeTarget } from '../http/original-url.js';

export interface Admitted {
  readonly kind: 'admitted';
  readonly route?: PlannedRoute | undefined;
  readonly guard: Guard;
  readonly identities: readonly Identity[];
  readonly target: Target;
  /** The identity headers to set once the client's hop-by-hop fields are gone. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Removes the identity headers of other products, where a handler of the host takes the request. */
  readonly stripOthers: Strip;
  /** What the answer says of the caller's limit. */
  readonly rateLimit: Readonly<Record<string, string>>;
}

/** A browser asks for another origin's page what it may send: there is no identity to judge. */
export interface Preflight {
  readonly kind: 'preflight';
  readonly route?: PlannedRoute | undefined;
  readonly rateLimit: Readonly<Record<string, string>>;
}

export type Admission = Admitted | Refused | Preflight;

export interface AdmitOptions {
  readonly upgrade?: boolean;
  /** A guard of the host's own code in place of the route's. */
  readonly guard?: Guard;
  /** A preflight that the file's `cors` answers; its method is the one it asks for. */
  readonly preflight?: boolean;
}

/** Judges a request. A throw is a bug, and answered 500. */
export function admit(gate: Gate, req: IncomingMessage, options: AdmitOptions = {}): MaybePromise<Admission> {
  // First: what is refused below is logged with the client, never with the proxy before it.
  gate.clients.find(req);
  gate.strip(req);
  const framing = gate.framing(req);
  if (framing) return refused(framing);
  nameHost(req);
  const url = wholeTarget(req);
  if (!url) return rewritten(gate, 'a URL was rewritten before Loom: mount Loom before whatever rewrites URLs');
  const target = readTarget(url.whole, { host: req.headers.host ?? '', maxSegments: gate.plan.maxPathSegments });
  if (target.kind === 'bad') return refused({ status: 400, code: 'bad_target' });
  const place = placeOf(gate, req, { target, options });
  if ('kind' in place) return place;
  if (options.preflight) return new Admitting(gate, req, { ...place, target, upgrade: false }).preflight();
  if (url.cut !== undefined && isGuardedOtherwise(gate, req, { path: url.cut, place })) {
    return rewritten(gate, 'a mount cannot be told from a rewritten URL on Connect: mount Loom at the root');
  }
  if (!options.guard && isMountOfAnother(gate, req, { path: target.path, place })) return refused(NO_ROUTE);
  return new Admitting(gate, req, { ...place, target, upgrade: options.upgrade ?? false }).run();
}

interface Sought {
  readonly target: Target;
  readonly options: AdmitOptions;
}

function placeOf(gate: Gate, req: IncomingMessage, { target, options }: Sought): Found | Refused {
  const { guard, preflight } = options;
  if (preflight) return findAny(gate, req, { target, guard });
  return guard ? local(guard, req, target) : find(gate, req, target);
}

/** Over HTTP/2 most clients name the host in `:authority` alone (RFC 9113 §8.3.1): a route of that host is theirs too. */
function nameHost(req: IncomingMessage): void {
  const authority = req.headers[':authority'];
  if (req.headers.host === undefined && typeof authority === 'string') setField(req, 'host', authority);
}

function rewritten(gate: Gate, words: string): Refused {
  gate.seldom.error({}, words);
  return refused({ status: 500, code: 'internal' });
}

interface Subject extends Found {
  readonly target: Target;
  readonly upgrade: boolean;
}

/** One request on its way through: what is known of it grows, and nothing of it outlives the answer. */
class Admitting {
  readonly #address: string;

  constructor(
    private readonly gate: Gate,
    private readonly req: IncomingMessage,
    private readonly subject: Subject,
  ) {
    this.#address = clientAddressOf(req);
  }

  /** A limit by address counts it; no other can, before anybody is known. */
  preflight(): MaybePromise<Admission> {
    const early = this.#early();
    const { route } = this.subject;
    const answer = (each: Decision | undefined): Admission => {
      if (each && !each.allowed) return this.#limited(each);
      return { kind: 'preflight', route, rateLimit: each ? rateLimitHeaders(each) : {} };
    };
    return early instanceof Promise ? early.then(answer) : answer(early);
  }

  run(): MaybePromise<Admission> {
    const early = this.#early();
    return early instanceof Promise ? early.then((each) => this.#authenticate(each)) : this.#authenticate(early);
  }

  #early(): LimitDecision {
    return this.gate.limits.before(this.req, this.#metered([], []));
  }

  #authenticate(early: Decision | undefined): MaybePromise<Admission> {
    if (early && !early.allowed) return this.#limited(early);
    const verdict = this.subject.guard.authenticate(attemptOf(this.req));
    return verdict instanceof Promise ? verdict.then((each) => this.#judge(each, early)) : this.#judge(verdict, early);
  }

  #judge(verdict: Verdict, early: Decision | undefined): MaybePromise<Admission> {
    const { route } = this.subject;
    if (verdict.kind !== 'granted') return refused(denialOf(verdict), route);
    const { identities } = verdict;
    if (this.#fromElsewhere(identities))
      return refused({ status: 403, code: 'cross_site', reason: 'cross_site' }, route);
    const headers = this.#headersOf(identities);
    if (!headers) return refused({ status: 403, code: 'forbidden', reason: 'identity_conflict' }, route);
    const late = this.gate.limits.after(this.req, this.#metered(identities, headers));
    const admit = (each: Decision | undefined): Admission => this.#admit({ identities, headers }, early, each);
    return late instanceof Promise ? late.then(admit) : admit(late);
  }

  #admit(known: Pick<Admitted, 'identities' | 'headers'>, early?: Decision, late?: Decision): Admission {
    if (late && !late.allowed) return this.#limited(late);
    const { route, guard, target } = this.subject;
    const decision = tighter(early, late);
    const rateLimit = decision ? rateLimitHeaders(decision) : {};
    const stripOthers = this.gate.othersStripper(this.req);
    return { kind: 'admitted', route, guard, target, ...known, stripOthers, rateLimit };
  }

  #metered(identities: readonly Identity[], headers: Admitted['headers']): Metered {
    const { route, target } = this.subject;
    const known = { address: this.#address, route, identities, headers };
    return {
      route,
      address: this.#address,
      segments: target.segments,
      facts: () => limitFacts(this.gate, this.req, known),
      identities,
    };
  }

  #limited(decision: Decision): Refused {
    return refused(limitDenial(decision, this.gate.plan.rateLimit?.response), this.subject.route);
  }

  #fromElsewhere(identities: readonly Identity[]): boolean {
    const { route, upgrade } = this.subject;
    const ambient = identities.some(({ method }) => isAmbient(this.req, this.gate.planned.get(method)));
    return crossSiteRefused(this.req, { ambient, allowedOrigins: route?.allowedOrigins ?? [], upgrade });
  }

  /** Identity and certificate headers; undefined where two identities imply different values of one. */
  #headersOf(identities: readonly Identity[]): Admitted['headers'] | undefined {
    const { set, omitted, conflict } = identityHeaders(this.gate.rules, identities);
    if (conflict) return undefined;
    for (const { why, ...facts } of omitted) {
      if (why !== 'missing') this.gate.seldom.warn({ ...facts, why }, 'an identity header was omitted');
    }
    const certified = certificateHeaders(this.gate, this.req, identities);
    if (certified.length === 0) return set;
    const known = new Set(set.map(([name]) => foldName(name)));
    return [...set, ...certified.filter(([name]) => !known.has(foldName(name)))];
  }
}

function tighter(early: Decision | undefined, late: Decision | undefined): Decision | undefined {
  if (!early || !late) return early ?? late;
  return early.remaining < late.remaining ? early : late;
}
