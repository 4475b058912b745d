/** What routes guard at one upstream, found by requirement and first segment: most pairs of routes never meet. */
import type { Requirement } from '../../auth/requirement.js';
import type { Pattern } from '../pattern.js';

interface Guarding {
  readonly route: { readonly requirement: Requirement };
  readonly image: Pattern;
}

interface Bucket<T> {
  readonly requirement: Requirement;
  readonly all: T[];
  /** By the first segment in lower case; empty where anything may stand there. */
  readonly byFirst: Map<string, T[]>;
}

const ANYTHING = '';

export class Guards<T extends Guarding> {
  readonly #buckets = new Map<string, Bucket<T>>();

  add(guard: T): void {
    const { requirement } = guard.route;
    const key = JSON.stringify(requirement);
    let bucket = this.#buckets.get(key);
    if (!bucket) this.#buckets.set(key, (bucket = { requirement, all: [], byFirst: new Map() }));
    bucket.all.push(guard);
    const first = firstOf(guard.image);
    const same = bucket.byFirst.get(first);
    if (same) same.push(guard);
    else bucket.byFirst.set(first, [guard]);
  }

  /** Those whose image may meet this one, of the requirements that are asked for. */
  *near(image: Pattern, wanted: (requirement: Requirement) => boolean): Generator<T> {
    const first = firstOf(image);
    for (const { requirement, all, byFirst } of this.#buckets.values()) {
      if (!wanted(requirement)) continue;
      if (first === ANYTHING) yield* all;
      else {
        yield* byFirst.get(first) ?? [];
        yield* byFirst.get(ANYTHING) ?? [];
      }
    }
  }
}

function firstOf({ segments: [first] }: Pattern): string {
  return first?.kind === 'literal' ? first.text.toLowerCase() : ANYTHING;
}
