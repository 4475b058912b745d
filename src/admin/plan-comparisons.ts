/** Compares a posted plan with the plan in use. Equal secrets are found, and no secret is shown. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Plan } from '../config/plan-types.js';
import { comparableOf, concealOnce, type Comparable } from '../difference/comparable.js';
import type { ComparisonOutcome } from '../difference/comparison-outcome.js';
import { differenceOf } from '../difference/differences.js';
import { agreedKey, newHalf, type AgreementHalf } from '../difference/key-agreement.js';
import { digestsOf, readPostedPlan } from '../difference/posted-plan.js';
import type { Now } from '../lib/types.js';

const MOST_OFFERS = 16;
const OFFER_MS = 60_000;
/** The comparison occupies the process: its cost grows with the routes of both plans. */
const MOST_PAIRS = 4_000_000;
/** Digests that are other than all of the gateway: each may be a guess. */
const MOST_GUESSES = 1_000;
const GUESSES_MS = 3_600_000;

const postedComparison = z.strictObject({ offer: z.string(), key: z.string().max(200), plan: z.unknown() });

interface Offer {
  readonly half: AgreementHalf;
  readonly until: number;
}

/** The comparisons of one process. */
export class PlanComparisons {
  readonly #offers = new Map<string, Offer>();
  #guesses = 0;
  #windowEnd = 0;

  constructor(
    private readonly plan: () => Plan,
    private readonly now: Now,
  ) {}

  /** Returns one half of a key. The other half and a plan must follow within a minute. */
  offer(): { readonly offer: string; readonly key: string } {
    const now = this.now();
    for (const [id, { until }] of this.#offers) if (until <= now) this.#offers.delete(id);
    if (this.#offers.size >= MOST_OFFERS) this.#offers.delete(this.#offers.keys().next().value ?? '');
    const [id, half] = [randomUUID(), newHalf()];
    this.#offers.set(id, { half, until: now + OFFER_MS });
    return { offer: id, key: half.publicText };
  }

  /** An offer counts once. */
  compare(body: unknown): ComparisonOutcome {
    const read = postedComparison.safeParse(body);
    if (!read.success) return { kind: 'wrong_plan' };
    const { offer: id, key, plan } = read.data;
    const offer = this.#offers.get(id);
    if (!offer || offer.until <= this.now()) return { kind: 'unknown_offer' };
    this.#offers.delete(id);
    const posted = readPostedPlan(plan);
    const shared = keyFrom(offer, key);
    if (!posted || !shared) return { kind: 'wrong_plan' };
    const own = comparableOf({ plan: this.plan(), standalone: true }, concealOnce(shared));
    if ((own.routes.length + 1) * (posted.routes.length + 1) > MOST_PAIRS) return { kind: 'too_many_routes' };
    if (!this.#spend(guessesIn(posted, own))) return { kind: 'too_many_guesses' };
    // Plain data, as the posted plan is: JSON drops what is undefined.
    return { kind: 'compared', ...differenceOf(JSON.parse(JSON.stringify(own)) as Comparable, posted) };
  }

  #spend(guesses: number): boolean {
    if (this.now() >= this.#windowEnd) {
      this.#guesses = 0;
      this.#windowEnd = this.now() + GUESSES_MS;
    }
    if (this.#guesses + guesses > MOST_GUESSES) return false;
    this.#guesses += guesses;
    return true;
  }
}

function keyFrom({ half }: Offer, text: string): Uint8Array | undefined {
  try {
    return agreedKey(half, text);
  } catch {
    return undefined;
  }
}

function guessesIn(posted: Comparable, own: Comparable): number {
  const known = new Set(digestsOf(own));
  return digestsOf(posted).filter((each) => !known.has(each)).length;
}
