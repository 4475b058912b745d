/** Compares the access to one region under two files: opened, weakened, changed on purpose, or unchanged. */
import { describe, describeFully } from '../auth/requirement.js';
import { implies } from '../config/checks/strictness.js';
import { names, pathOf } from '../config/opens.js';
import type { PlannedOpening } from '../config/plan-types.js';
import type { Access, AskedAt, Rules } from './access-rules.js';
import { Consent, regionOf, type AccessPair } from './consent.js';
import { common, type Region } from './sample-paths.js';

export interface AccessChange {
  /** `/admin/*`, or `DELETE api.example.com/admin/*` if only some HTTP methods change. */
  readonly where: string;
  /** `jwt or api_key`, `PUBLIC`, or `404` or `405` if no route takes the request. */
  readonly before: string;
  readonly after: string;
  /** Some requests without a credential pass that did not pass before, and the new file does not consent. */
  readonly opens: boolean;
  /** The region falls to a route with another demand. Absent: no. */
  readonly weakens?: true;
  /** The entry of `opens` that consents. */
  readonly openedBy?: string;
  /** What would consent. Absent if nothing is refused. */
  readonly consent?: ConsentNeeded;
  /** The index of the region's route in the new plan. Absent: no route. */
  readonly route?: number;
}

export interface ConsentNeeded {
  /** An entry of `opens`. */
  readonly entry: string;
  /** A route to add, in YAML. Absent if the region already has its own route. */
  readonly route?: string;
}

/** A change for some HTTP methods. The caller adds the name of the region when it knows all of these methods. */
export interface ComparedAccess {
  readonly change: Omit<AccessChange, 'where'>;
  readonly region: Region;
  /** Equal for changes that share one line. */
  readonly key: string;
}

export class AccessComparison {
  readonly #consent: Consent;

  constructor(
    private readonly old: Rules,
    private readonly next: Rules,
    private readonly openings: readonly PlannedOpening[],
  ) {
    this.#consent = new Consent(old, next);
  }

  /** Returns undefined if the demand is the same. */
  at(asked: AskedAt & { readonly region: Region }, method: string): ComparedAccess | undefined {
    const [was, is] = [this.old.at(asked, method), this.next.at(asked, method)];
    const pair = { was, is };
    if (this.#isCutOff(pair, asked, method)) return this.#opened(pair, { ...is, words: CUT_OFF });
    if (was.demand === is.demand) return undefined;
    if (isOpening(pair)) {
      if (!this.#consent.opens(pair)) return this.#opened(pair, is);
      return comparedOf({ pair, region: asked.region, more: {} });
    }
    const weakens = isFall(pair) && !this.#consent.changes(pair);
    return comparedOf({ pair, region: asked.region, more: weakens ? { weakens } : {} });
  }

  /** The guarded route still exists. A request that fails its conditions now reaches an open pattern beside it. */
  #isCutOff({ was, is }: AccessPair, asked: AskedAt, method: string): boolean {
    if (was.kind !== 'guarded' || is.kind !== 'guarded') return false;
    if (this.old.excludes(asked, method) || !this.next.excludes(asked, method)) return false;
    return this.next.hasOpenBeside(asked, method);
  }

  #opened(pair: AccessPair, is: Access): ComparedAccess {
    const [guarded, taking] = [regionOf(pair.was), regionOf(pair.is)];
    // Both regions contain the sample, so they overlap.
    const region = common(guarded, taking) ?? guarded;
    const entry = this.openings.find((each) => names(each, guarded) || names(each, region));
    if (entry) return comparedOf({ pair: { ...pair, is }, region, more: { openedBy: entry.text } });
    const consent = { entry: `${region.host ?? ''}${pathOf(region.pattern)}` };
    return comparedOf({ pair: { ...pair, is }, region, more: { opens: true, consent } });
  }
}

export const CUT_OFF = '404 where its headers or query differ';

function isOpening({ was, is }: AccessPair): boolean {
  if (was.kind === 'guarded') return is.kind === 'open' || is.kind === 'filtered';
  return was.kind === 'filtered' && is.kind === 'open';
}

/** A demand that is at least as strict does not weaken access. */
function isFall({ was, is }: AccessPair): boolean {
  if (is.kind !== 'guarded' || (was.kind !== 'guarded' && was.kind !== 'filtered')) return false;
  return !was.requirement || !is.requirement || !implies(is.requirement, was.requirement);
}

interface Facts {
  readonly pair: AccessPair;
  readonly region: Region;
  readonly more: Partial<AccessChange>;
}

function comparedOf({ pair: { was, is }, region, more }: Facts): ComparedAccess {
  const route = is.index === undefined ? {} : { route: is.index };
  const change = { ...differingWords(was, is), opens: false, ...more, ...route };
  // A line that asks for consent names one guard and one route that replaces it.
  const routes = Object.keys(more).length > 0 ? [was.index, is.index] : [];
  const key = JSON.stringify([was.demand, is.demand, is.words, more.opens, more.weakens, more.openedBy, ...routes]);
  return { change, region, key };
}

/** The short words leave out the limits of a route on a method, so two demands may have the same short words. */
function differingWords(was: Access, is: Access): Pick<AccessChange, 'before' | 'after'> {
  const isShort = [was, is].some(
    ({ requirement }) => requirement && describeFully(requirement) !== describe(requirement),
  );
  const [before, after] = isShort || was.words === is.words ? [was, is].map(fullWords) : [was.words, is.words];
  return { before: before ?? was.words, after: after ?? is.words };
}

/** The words of the requirement, in full, within those of the access. */
function fullWords({ requirement, words }: Access): string {
  if (!requirement) return words;
  const stops = requirement.kind === 'any' && requirement.onInvalid === 'stop';
  const full = `${describeFully(requirement)}${stops ? ' (stops at a rejected credential)' : ''}`;
  return words.replace(describe(requirement), () => full);
}
