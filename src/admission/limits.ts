/** Which buckets a request draws from: before any method runs, and once it is known who sends it (spec §8). */
import type { IncomingMessage } from 'node:http';
import type { Identity, Rate } from '../auth/identity.js';
import type { LimitKeyPart, PlannedQuota, PlannedRateLimit, PlannedRoute } from '../config/plan-types.js';
import type { Metrics } from '../lib/metrics.js';
import { Note } from '../lib/note.js';
import type { MaybePromise, NonEmpty } from '../lib/types.js';
import { bucketKey, limitKey, type LimitFacts } from '../limit/keys.js';
import type { Claim, Decision, Limiter, LimitScope, Patience } from '../limit/limiter.js';
import { isEarlyKey, LimitRules, type EarlyFacts } from './limit-rules.js';

export interface Metered extends EarlyFacts {
  readonly route?: PlannedRoute | undefined;
  /** Gathered where a limit asks for them. */
  readonly facts: () => LimitFacts;
  readonly identities: readonly Identity[];
}

export type LimitDecision = MaybePromise<Decision | undefined>;

const BY_IDENTITY: readonly LimitKeyPart[] = [{ kind: 'identity' }];

interface Drawn {
  readonly keys: Set<string>;
  readonly patience: Patience;
}

export class Limits {
  readonly #key: readonly LimitKeyPart[];
  /** `key: ip` needs no method to be known, so it spares them the work of a flood. */
  readonly #early: boolean;
  /** With tiers, what an address may send at most, whoever it turns out to be. */
  readonly #ceiling: Rate | undefined;
  readonly #rules: LimitRules;
  readonly #earlyQuotas: readonly PlannedQuota[];
  readonly #lateQuotas: readonly PlannedQuota[];
  readonly #drawn = new Note<Drawn>('buckets drawn from');

  constructor(
    private readonly limiter: Limiter,
    private readonly global: PlannedRateLimit | undefined,
    private readonly metrics?: Metrics,
  ) {
    this.#key = global?.key ?? BY_IDENTITY;
    this.#early = isEarlyKey(this.#key);
    this.#ceiling = ceilingOf(global);
    this.#rules = new LimitRules(global);
    const quotas = global?.quotas ?? [];
    this.#earlyQuotas = quotas.filter(({ key }) => isEarlyKey(key));
    this.#lateQuotas = quotas.filter(({ key }) => !isEarlyKey(key));
  }

  /** The limits by address, before any method; undefined where there are none. */
  before(req: IncomingMessage, metered: Metered): LimitDecision {
    if (!this.#early && this.#earlyQuotas.length === 0) return undefined;
    if (this.#rules.isExemptEarly(metered)) return this.#exempt();
    const shared = this.#early ? this.#earlyClaim(metered) : undefined;
    const quotas = this.#earlyQuotas.map((quota) => quotaClaim(quota, metered.facts()));
    return this.#take(req, shared ? [shared, ...quotas] : quotas);
  }

  /** The limits that need an identity; undefined where there are none. */
  after(req: IncomingMessage, metered: Metered): LimitDecision {
    const own = metered.identities.flatMap((identity) =>
      identity.rateLimit ? [ownClaim(identity, identity.rateLimit)] : [],
    );
    if (this.#rules.isExemptEarly(metered)) return own.length === 0 ? undefined : this.#take(req, own);
    if (this.#rules.isExempt(metered.facts)) return own.length === 0 ? this.#exempt() : this.#take(req, own);
    // A key's own limit stands in place of the global one, and beside that of a route.
    const replaced = own.length > 0 && metered.route?.rateLimit === undefined;
    const shared = replaced ? undefined : this.#lateClaim(metered);
    const quotas = this.#lateQuotas.map((quota) => quotaClaim(quota, metered.facts()));
    return this.#take(req, [...own, ...(shared ? [shared] : []), ...quotas]);
  }

  #exempt(): undefined {
    this.metrics?.count('loom_rate_limit_decisions_total', { scope: 'global', outcome: 'exempt' });
    return undefined;
  }

  /** One token of each bucket, once a request: a mount and a `protect()` behind it count together. */
  #take(req: IncomingMessage, claims: readonly Claim[]): LimitDecision {
    if (claims.length === 0) return undefined;
    const drawn = this.#drawn.of(req) ?? { keys: new Set(), patience: { spent: false } };
    const fresh = claims.filter(({ key }) => !drawn.keys.has(key));
    if (fresh.length === 0) return undefined;
    this.#drawn.set(req, drawn);
    for (const { key } of fresh) drawn.keys.add(key);
    const decision = this.limiter.takeAll(fresh as unknown as NonEmpty<Claim>, drawn.patience);
    return decision instanceof Promise ? decision.then((each) => this.#counted(each)) : this.#counted(decision);
  }

  #counted(decision: Decision | undefined): Decision | undefined {
    if (!this.metrics) return decision;
    const outcome = decision?.allowed === false ? (decision.unavailable ? 'unavailable' : 'limited') : 'allowed';
    this.metrics.count('loom_rate_limit_decisions_total', { scope: decision?.scope ?? 'global', outcome });
    return decision;
  }

  #earlyClaim({ route, facts }: Metered): Claim | undefined {
    if (route?.rateLimit) return this.#routeClaim(route, route.rateLimit, facts());
    if (!this.#ceiling) return undefined;
    return { key: bucketKey(['address', limitKey(this.#key, facts())]), rate: this.#ceiling, scope: 'address' };
  }

  #lateClaim({ route, facts }: Metered): Claim | undefined {
    // Taken before the methods ran.
    const settled = this.#early && (route?.rateLimit !== undefined || this.global?.tiers.length === 0);
    if (settled) return undefined;
    if (route?.rateLimit) return this.#routeClaim(route, route.rateLimit, facts());
    const found = this.#rules.tierOf(facts);
    if (!found) return this.global?.rate && this.#globalClaim(this.global.rate, facts());
    const { name, rate } = found.tier;
    // Whoever picks a tier himself counts by where he is, so that no other name or key is another bucket of it.
    const caller = limitKey(found.chosen ? [...this.#key, { kind: 'ip' }] : this.#key, facts());
    return { key: bucketKey(['tier', name, caller]), rate, scope: 'tier' };
  }

  #globalClaim(rate: Rate, facts: LimitFacts): Claim {
    return { key: bucketKey(['global', limitKey(this.#key, facts)]), rate, scope: 'global' };
  }

  #routeClaim({ id }: PlannedRoute, rate: Rate, facts: LimitFacts): Claim {
    return { key: bucketKey(['route', id, limitKey(this.#key, facts)]), rate, scope: 'route' };
  }
}

/** The most that any tier gives. */
function ceilingOf(global: PlannedRateLimit | undefined): Rate | undefined {
  const rates = [...(global?.rate ? [global.rate] : []), ...(global?.tiers ?? []).map(({ rate }) => rate)];
  const [first] = rates;
  if (!first || !global?.rate) return undefined;
  const perSecond = Math.max(...rates.map(({ rate, perMs }) => (rate * 1_000) / perMs));
  return { rate: perSecond, perMs: 1_000, burst: Math.max(...rates.map(({ burst }) => burst)) };
}

function quotaClaim({ name, key, rate }: PlannedQuota, facts: LimitFacts): Claim {
  const scope: LimitScope = 'quota';
  return { key: bucketKey([scope, name, limitKey(key, facts)]), rate, scope };
}

/** One bucket per (method, issuer, subject), whatever the route. */
function ownClaim({ method, issuer, subject }: Identity, rate: Rate): Claim {
  const key = bucketKey(['own', method, issuer === undefined ? 'local' : `issued ${issuer}`, subject]);
  return { key, rate, scope: 'key' };
}
