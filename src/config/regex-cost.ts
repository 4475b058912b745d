/** How long a value a route's regular expression may be tried on, so that no value makes the matcher work for long. */

/** What the longest honest value has; and below the shortest, an expression is of no use. */
const LONGEST = 256;
const SHORTEST = 16;
/** Some twenty nanoseconds each. */
const MOST_STEPS = 300_000;

const TOKEN =
  /(\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[\da-fA-F]{4}|x[\da-fA-F]{2}|c[A-Za-z]|[^])|\[(?:\\[^]|[^\]\\])*\]|\(\?:|[^])([*+?]|\{\d+(?:,\d*)?\})?\??/gu;
/** One character of each kind that a class may distinguish. */
const CHARACTERS: readonly string[] = [
  ...Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)),
  '日',
  'λ',
];

interface Atom {
  readonly accepts: ReadonlySet<string>;
  /** May be left out. */
  readonly optional: boolean;
  readonly choice: 'none' | 'once' | 'length';
}

/**
 * The characters of a value that an expression (the part between `^` and `$`) can be tried on within its budget.
 * Backtracking tries each place where a repetition can end: `\d+\.\d+` has one, `.*a.*b` as many as the value has.
 *
 * @example longestValue('\\d+\\.\\d+') // 256
 */
export function longestValue(body: string): number {
  const tokens = [...body.matchAll(TOKEN)].map(([, source = '', quantifier = '']) => ({ source, quantifier }));
  const flat = !tokens.some(({ source }) => ['(', '(?:', ')', '|'].includes(source));
  const atoms = tokens.flatMap(({ source, quantifier }) => atomOf(source, quantifier, flat) ?? []);
  const open = atoms.filter((atom, at) => atom.choice !== 'none' && (!flat || isAmbiguous(atoms, at)));
  const lengths = open.filter(({ choice }) => choice === 'length').length;
  const ways = 2 ** (open.length - lengths) * alternatives(tokens.map(({ source }) => source));
  for (let length = LONGEST; length >= SHORTEST; length--) {
    if (ways * (length + 1) * placings(length, lengths) <= MOST_STEPS) return length;
  }
  return 0;
}

/** One of each group. */
function alternatives(sources: readonly string[]): number {
  const open = [1];
  let ways = 1;
  for (const source of sources) {
    if (source === '(' || source === '(?:') open.push(1);
    else if (source === '|') open.push((open.pop() ?? 1) + 1);
    else if (source === ')') ways *= open.pop() ?? 1;
  }
  return ways * (open.pop() ?? 1);
}

/** In how many ways so many ends can be placed in a text. */
function placings(length: number, ends: number): number {
  let ways = 1;
  for (let end = 1; end <= ends; end++) ways = (ways * (length + end)) / end;
  return ways;
}

function atomOf(source: string, quantifier: string, flat: boolean): Atom | undefined {
  if (/^(?:\\[bB]|[\^$])$/.test(source)) return undefined;
  const fixed = quantifier === '' || /^\{\d+\}$/.test(quantifier);
  return {
    accepts: flat ? acceptedBy(source) : new Set(),
    optional: /^(?:[*?]|\{0)/.test(quantifier),
    choice: fixed ? 'none' : quantifier === '?' ? 'once' : 'length',
  };
}

function acceptedBy(source: string): ReadonlySet<string> {
  const form = new RegExp(`^(?:${source})$`, 'u');
  return new Set(CHARACTERS.filter((character) => form.test(character)));
}

/** Whether what may follow takes characters of its own, so that its end is not known. */
function isAmbiguous(atoms: readonly Atom[], at: number): boolean {
  const { accepts } = atoms[at] as Atom;
  for (const next of atoms.slice(at + 1)) {
    if ([...next.accepts].some((character) => accepts.has(character))) return true;
    if (!next.optional) return false;
  }
  return false;
}
