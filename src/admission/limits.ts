/** Takes rate limit tokens before auth methods run, and again after the identity is known (docs/rate-limits.md). */
import type { Identity, Rate } from '../auth/identity.js';
import type { PlannedQuota, PlannedRateLimit, PlannedRoute } from '../config/plan-types.js';
import type { RequestContext, TakenTokens } from '../context/request-context.js';
import type { Metrics } from '../lib/metrics.js';
import type { MaybePromise, NonEmpty } from '../lib/types.js';
import { bucketKey, limitKey, type LimitFacts, type LimitKeyPart } from '../limit/keys.js';
import type { Limiter, RateLimitDecision } from '../limit/limiter.js';
import type { Claim, LimitScope } from '../limit/store.js';
import { isEarlyKey, LimitRules } from './limit-rules.js';

/** Called only if a limit needs the facts. */
type Facts = () => LimitFacts;

/** Undefined if no limit counts the request in this stage. */
type Counted = MaybePromise<RateLimitDecision | undefined>;

const BY_IDENTITY: readonly LimitKeyPart[] = [{ kind: 'identity' }];

export class Limits {
  readonly #key: readonly LimitKeyPart[];
  /** Whether the key is read from the client address. Then a flood is limited before any auth method runs. */
  readonly #early: boolean;
  /** With tiers, the highest rate that one client address may have in any tier. */
  readonly #ceiling: Rate | undefined;
  readonly #rules: LimitRules;
  readonly #earlyQuotas: readonly PlannedQuota[];
  readonly #lateQuotas: readonly PlannedQuota[];
  /** Identifies these limits in the context of a request. */
  readonly #id = Symbol('limits');

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

  /** Takes the tokens of the limits by address, before an auth method runs. */
  byAddress(context: RequestContext, facts: Facts): Counted {
    if (!this.#early && this.#earlyQuotas.length === 0) return undefined;
    if (this.#rules.isExemptEarly(context)) return this.#exempt();
    const shared = this.#early ? this.#earlyClaim(context, facts) : undefined;
    const quotas = this.#earlyQuotas.map((quota) => quotaClaim(quota, facts()));
    return this.#take(context, shared ? [shared, ...quotas] : quotas);
  }

  /** Takes the tokens of the limits that need an identity. */
  byIdentity(context: RequestContext, facts: Facts): Counted {
    const { identities, route } = context;
    if (!this.global && !route?.rateLimit && !identities.some(({ rateLimit }) => rateLimit)) return undefined;
    const own = identities.flatMap((identity) => (identity.rateLimit ? [ownClaim(identity, identity.rateLimit)] : []));
    if (this.#rules.isExemptEarly(context)) return own.length === 0 ? undefined : this.#take(context, own);
    if (this.#rules.isExempt(facts)) return own.length === 0 ? this.#exempt() : this.#take(context, own);
    // The limit of an API key replaces the global limit. If the route has a limit, both limits count.
    const replaced = own.length > 0 && route?.rateLimit === undefined;
    const shared = replaced ? undefined : this.#lateClaim(route, facts);
    const quotas = this.#lateQuotas.map((quota) => quotaClaim(quota, facts()));
    return this.#take(context, [...own, ...(shared ? [shared] : []), ...quotas]);
  }

  #exempt(): undefined {
    this.metrics?.count('loom_rate_limit_decisions_total', { scope: 'global', outcome: 'exempt' });
    return undefined;
  }

  /**
   * Takes one token from each bucket, once per request. A mounted Loom and a later `protect()` take one token
   * together.
   */
  #take(context: RequestContext, claims: readonly Claim[]): Counted {
    if (claims.length === 0) return undefined;
    const takenTokens = (context.takenTokens ??= new Map<symbol, TakenTokens>());
    const taken = takenTokens.get(this.#id) ?? { keys: new Set(), patience: { spent: false } };
    const fresh = claims.filter(({ key }) => !taken.keys.has(key));
    if (fresh.length === 0) return undefined;
    takenTokens.set(this.#id, taken);
    for (const { key } of fresh) taken.keys.add(key);
    const decision = this.limiter.takeAll(fresh as unknown as NonEmpty<Claim>, taken.patience);
    return decision instanceof Promise ? decision.then((each) => this.#counted(each)) : this.#counted(decision);
  }

  #counted(decision: RateLimitDecision | undefined): RateLimitDecision | undefined {
    if (!this.metrics) return decision;
    const outcome = decision?.allowed === false ? (decision.unavailable ? 'unavailable' : 'limited') : 'allowed';
    this.metrics.count('loom_rate_limit_decisions_total', { scope: decision?.scope ?? 'global', outcome });
    return decision;
  }

  #earlyClaim({ route }: RequestContext, facts: Facts): Claim | undefined {
    if (route?.rateLimit) return this.#routeClaim(route, route.rateLimit, facts());
    if (!this.#ceiling) return undefined;
    return { key: bucketKey(['address', limitKey(this.#key, facts())]), rate: this.#ceiling, scope: 'address' };
  }

  #lateClaim(route: PlannedRoute | undefined, facts: Facts): Claim | undefined {
    // `byAddress` has already taken these tokens.
    const settled = this.#early && (route?.rateLimit !== undefined || this.global?.tiers.length === 0);
    if (settled) return undefined;
    if (route?.rateLimit) return this.#routeClaim(route, route.rateLimit, facts());
    const match = this.#rules.tierOf(facts);
    if (!match) return this.global?.rate && this.#globalClaim(this.global.rate, facts());
    const { name, rate } = match.tier;
    // If the client can choose the tier, the client address is part of the key. Another name then gives no other
    // bucket.
    const caller = limitKey(match.chosen ? [...this.#key, { kind: 'ip' }] : this.#key, facts());
    return { key: bucketKey(['tier', name, caller]), rate, scope: 'tier' };
  }

  #globalClaim(rate: Rate, facts: LimitFacts): Claim {
    return { key: bucketKey(['global', limitKey(this.#key, facts)]), rate, scope: 'global' };
  }

  #routeClaim({ id }: PlannedRoute, rate: Rate, facts: LimitFacts): Claim {
    return { key: bucketKey(['route', id, limitKey(this.#key, facts)]), rate, scope: 'route' };
  }
}

/** Returns the highest rate and burst of the global limit and all tiers. */
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

/** Uses one bucket per auth method, issuer and subject, on all routes. */
function ownClaim({ method, issuer, subject }: Identity, rate: Rate): Claim {
  const key = bucketKey(['own', method, issuer === undefined ? 'local' : `issued ${issuer}`, subject]);
  return { key, rate, scope: 'key' };
}
