/** When one requirement is at least as strict as another: a caller that satisfies the first satisfies the second. */
import { isDeepStrictEqual } from '../../lib/node-util.js';
import type { Requirement } from '../../auth/requirement.js';

/**
 * Sound, not complete: true only where it is certain.
 *
 * @example implies({ kind: 'method', name: 'jwt' }, { kind: 'open' }) // true
 */
export function implies(a: Requirement, b: Requirement): boolean {
  if (b.kind === 'open' || isDeepStrictEqual(a, b)) return true;
  if (a.kind === 'open') return false;
  if (b.kind === 'optional') return implies(a.kind === 'optional' ? a.of : a, b.of);
  if (a.kind === 'optional') return false;
  // Where a wrong credential ends the search, fewer pass than where it does not.
  if (b.kind === 'any' && b.onInvalid === 'stop' && a.kind === 'any' && a.onInvalid !== 'stop') return false;
  if (a.kind === 'any') return a.of.every((part) => implies(part, b));
  if (b.kind === 'all') return b.of.every((part) => implies(a, part));
  if (a.kind === 'all') return a.of.some((part) => implies(part, b));
  if (b.kind === 'any') return b.of.some((part) => implies(a, part));
  return a.name === b.name && b.narrow === undefined && asksAsMuch(a, b);
}

type MethodRequirement = Requirement & { readonly kind: 'method' };

/** A plugin that must name the caller asks for more than one that need not. */
function asksAsMuch(a: MethodRequirement, b: MethodRequirement): boolean {
  return a.identity === undefined || a.identity === b.identity;
}

/** Pairs that are remembered: every route of a large file may ask for something of its own. */
const MOST_KNOWN = 1_000_000;

/** The same question about many pairs of few requirements: each pair is thought about once. */
export class Strictness {
  readonly #numbers = new Map<string, number>();
  readonly #known = new Map<number, boolean>();

  atLeastAsStrict(a: Requirement, b: Requirement): boolean {
    if (a === b || this.equal(a, b)) return true;
    if (a.kind === 'method' && b.kind === 'method')
      return a.name === b.name && b.narrow === undefined && asksAsMuch(a, b);
    const key = this.#number(a) * 65_536 + this.#number(b);
    let known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(key, (known = implies(a, b)));
    return known;
  }

  equal(a: Requirement, b: Requirement): boolean {
    return this.#number(a) === this.#number(b);
  }

  readonly #seen = new WeakMap<Requirement, number>();

  #number(requirement: Requirement): number {
    let number = this.#seen.get(requirement);
    if (number !== undefined) return number;
    const text = JSON.stringify(requirement);
    number = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, number);
    this.#seen.set(requirement, number);
    return number;
  }
}
