/** What routes guard at one upstream, found by first segment and requirement: most pairs of routes never meet. */
import type { Requirement } from '../../auth/requirement.js';
import type { Pattern } from '../pattern.js';
import { meet } from './patterns.js';

interface Guarding {
  readonly route: { readonly requirement: Requirement };
  readonly image: Pattern;
}

interface Bucket<T> {
  readonly requirement: Requirement;
  readonly guards: T[];
}

type Buckets<T> = Map<string, Bucket<T>>;

const ANYTHING = '';
/** Above this, asking about the requirement costs less than comparing paths. */
const FEW = 8;

export class Guards<T extends Guarding> {
  readonly #all: Buckets<T> = new Map();
  /** By the first segment in lower case; empty if the segment is variable. */
  readonly #byFirst = new Map<string, Buckets<T>>();

  add(guard: T): void {
    const { requirement } = guard.route;
    const key = JSON.stringify(requirement);
    const first = firstOf(guard.image);
    let same = this.#byFirst.get(first);
    if (!same) this.#byFirst.set(first, (same = new Map() as Buckets<T>));
    for (const buckets of [this.#all, same]) {
      const bucket = buckets.get(key);
      if (bucket) bucket.guards.push(guard);
      else buckets.set(key, { requirement, guards: [guard] });
    }
  }

  /** Those whose image meets this one, of the requirements that are asked for. */
  *near(image: Pattern, wanted: (requirement: Requirement) => boolean): Generator<T> {
    const first = firstOf(image);
    const near = first === ANYTHING ? [this.#all] : [this.#byFirst.get(first), this.#byFirst.get(ANYTHING)];
    for (const buckets of near) {
      for (const { requirement, guards } of buckets?.values() ?? []) {
        let asked = guards.length > FEW ? wanted(requirement) : undefined;
        if (asked === false) continue;
        for (const guard of guards) {
          if (!meet(image, guard.image)) continue;
          asked ??= wanted(requirement);
          if (!asked) break;
          yield guard;
        }
      }
    }
  }
}

function firstOf({ segments: [first] }: Pattern): string {
  return first?.kind === 'literal' ? first.text.toLowerCase() : ANYTHING;
}
