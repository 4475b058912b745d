/** Matches regular expressions in time linear in the length of the value, without backtracking (Thompson, 1968). */
import type { Assertion, Expression } from './linear-expression.js';
import { parseExpression } from './linear-expression.js';

type Accepts = (character: string) => boolean;

type Step =
  | { readonly kind: 'atom'; readonly accepts: Accepts }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  | { readonly kind: 'fork'; readonly to: number[] }
  | { readonly kind: 'match' };

/** The maximum number of steps, so that the time for a character is bounded. `{n,m}` repeats the steps. */
const MOST_STEPS = 400;

/** The expression needs more steps than the matcher allows. */
export class TooManySteps extends Error {}

/**
 * A compiled expression that must match the whole value, as `^(?:…)$` with the flag `u`.
 *
 * @example new LinearMatcher('.*Chrome.*Safari.*').matches(userAgent)
 */
export class LinearMatcher {
  readonly #steps: Step[] = [];

  /** Throws `TooManySteps`. The source must be a valid expression (`parseExpression`). */
  constructor(source: string) {
    this.#write(parseExpression(source), new Map());
    this.#add({ kind: 'match' });
  }

  /** Follows all ways through the expression at once, so that no character is read twice. */
  matches(value: string): boolean {
    const characters = [...value];
    const first = new ReachedSteps(this.#steps);
    const second = new ReachedSteps(this.#steps);
    let [reached, next] = [first, second];
    reached.add(0, { before: undefined, after: characters[0] });
    for (const [at, character] of characters.entries()) {
      next.clear();
      const place = { before: character, after: characters[at + 1] };
      for (const index of reached.atoms) {
        const step = this.#steps[index];
        if (step?.kind === 'atom' && step.accepts(character)) next.add(index + 1, place);
      }
      if (next.atoms.length === 0 && !next.matches) return false;
      [reached, next] = [next, reached];
    }
    return reached.matches;
  }

  #add(step: Step): number {
    if (this.#steps.push(step) > MOST_STEPS) throw new TooManySteps();
    return this.#steps.length - 1;
  }

  #write(expression: Expression, atoms: Map<string, Accepts>): void {
    switch (expression.kind) {
      case 'atom':
        this.#add({ kind: 'atom', accepts: acceptorOf(expression.source, atoms) });
        break;
      case 'assertion':
        this.#add({ kind: 'assertion', assertion: expression.assertion });
        break;
      case 'sequence':
        for (const part of expression.of) this.#write(part, atoms);
        break;
      case 'choice':
        this.#writeChoice(expression.of, atoms);
        break;
      case 'repetition':
        this.#writeRepetition(expression, atoms);
    }
  }

  #writeChoice(of: readonly Expression[], atoms: Map<string, Accepts>): void {
    const ends: number[][] = [];
    const starts: number[] = [];
    if (of.length > 1) this.#add({ kind: 'fork', to: starts });
    for (const each of of) {
      starts.push(this.#steps.length);
      this.#write(each, atoms);
      const end: number[] = [];
      if (of.length > 1) this.#add({ kind: 'fork', to: end });
      ends.push(end);
    }
    for (const end of ends) end.push(this.#steps.length);
  }

  #writeRepetition({ of, min, max }: Expression & { kind: 'repetition' }, atoms: Map<string, Accepts>): void {
    // An empty group has no steps, but each repetition takes time here.
    if (Math.max(min, max === Infinity ? 0 : max) > MOST_STEPS) throw new TooManySteps();
    for (let count = 0; count < min; count++) this.#write(of, atoms);
    const leave: number[][] = [];
    const optional = max === Infinity ? 1 : max - min;
    for (let count = 0; count < optional; count++) {
      const to: number[] = [];
      const fork = this.#add({ kind: 'fork', to });
      to.push(fork + 1);
      leave.push(to);
      this.#write(of, atoms);
      if (max === Infinity) this.#add({ kind: 'fork', to: [fork] });
    }
    for (const to of leave) to.push(this.#steps.length);
  }
}

/** The steps that a prefix of the value reaches. */
class ReachedSteps {
  readonly atoms: number[] = [];
  matches = false;
  /** The round in which a step was added last. */
  readonly #added: Uint32Array;
  #round = 1;

  constructor(private readonly steps: readonly Step[]) {
    this.#added = new Uint32Array(steps.length);
  }

  clear(): void {
    this.atoms.length = 0;
    this.matches = false;
    this.#round += 1;
  }

  /** Adds a step, and all steps that follow it without a character. */
  add(start: number, place: Place): void {
    const waiting = [start];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (this.#added[at] === this.#round) continue;
      this.#added[at] = this.#round;
      const step = this.steps[at];
      if (step?.kind === 'atom') this.atoms.push(at);
      else if (step?.kind === 'fork') waiting.push(...step.to);
      else if (step?.kind === 'match') this.matches = true;
      else if (step && holds(step.assertion, place)) waiting.push(at + 1);
    }
  }
}

/** The characters around a place in the value. Absent: the start or the end of the value. */
interface Place {
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

function holds(assertion: Assertion, { before, after }: Place): boolean {
  const isBoundary = isWord(before) !== isWord(after);
  switch (assertion) {
    case 'start':
      return before === undefined;
    case 'end':
      return after === undefined;
    case 'boundary':
      return isBoundary;
    case 'no_boundary':
      return !isBoundary;
  }
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /^\w$/.test(character);
}

function acceptorOf(source: string, atoms: Map<string, Accepts>): Accepts {
  let accepts = atoms.get(source);
  if (!accepts) {
    // One character, so there is nothing to backtrack.
    const form = new RegExp(`^(?:${source})$`, 'u');
    const latin1 = Array.from({ length: 256 }, (_, code) => form.test(String.fromCharCode(code)));
    accepts = (character) => latin1[character.codePointAt(0) ?? 0] ?? form.test(character);
    atoms.set(source, accepts);
  }
  return accepts;
}
