/** Finds the line with the wrong indentation: one such line makes a parser report several mistakes on other lines. */

/** A line, from 1, with its indentation and the indentation that fits the lines around it. */
export interface WrongIndent {
  readonly line: number;
  readonly has: number;
  readonly fits: number;
}

/** The line of the first syntax error of a text, from 1. Undefined without errors. */
export type FirstError = (text: string) => number | undefined;

/** Each attempt parses the whole text. */
const LARGEST = 65_536;
const MOST_REPAIRS = 5;
/** A parser reports an error at most this many lines after the line that causes it, in common files. */
const NEAR = 3;
const MOST_OPENERS = 6;

/**
 * Re-indents one line at a time until the text parses. Empty if no single line explains the first error.
 *
 * @param firstError Parses a text.
 */
export function findWrongIndents(text: string, firstError: FirstError): readonly WrongIndent[] {
  if (text.length > LARGEST || text.includes('\t')) return [];
  const found: WrongIndent[] = [];
  let current = text;
  for (let error = firstError(current); error !== undefined; error = firstError(current)) {
    const repair = found.length < MOST_REPAIRS ? bestRepair(current.split('\n'), error, firstError) : undefined;
    if (!repair) return found;
    found.push(repair.wrong);
    current = repair.text;
  }
  return found;
}

interface Attempt {
  readonly wrong: WrongIndent;
  readonly text: string;
}

/** The most plausible change after which the text parses, or after which the next error is further below. */
function bestRepair(lines: readonly string[], error: number, firstError: FirstError): Attempt | undefined {
  const attempts = nearbyLines(lines, error)
    .flatMap((at) => indentsAround(lines, at).map((fits) => attemptAt(lines, at, fits)))
    .map((attempt) => ({ attempt, cost: costOf(attempt, lines, error) }))
    .sort((a, b) => a.cost - b.cost);
  let best: { readonly attempt: Attempt; readonly next: number } | undefined;
  for (const { attempt } of attempts) {
    const next = firstError(attempt.text);
    if (next === undefined) return attempt;
    if (next > Math.max(error + NEAR, best?.next ?? 0)) best = { attempt, next };
  }
  return best?.attempt;
}

function attemptAt(lines: readonly string[], at: number, fits: number): Attempt {
  const line = lines[at] ?? '';
  const text = [...lines.slice(0, at), ' '.repeat(fits) + line.trimStart(), ...lines.slice(at + 1)].join('\n');
  return { wrong: { line: at + 1, has: indentOf(line), fits }, text };
}

/** Prefers small changes, and a text that looks as a person writes it. */
function costOf({ wrong: { line, has, fits }, text }: Attempt, lines: readonly string[], error: number): number {
  const unit = unitOf(lines);
  const [above, below] = [previous(lines, line - 1), next(lines, line - 1)];
  const neighbours = [above, below].filter((each) => each !== undefined && indentOf(each) === fits).length;
  return (
    Math.abs(fits - has) +
    Math.abs(line - error) / 10 -
    neighbours +
    (has % unit === 0 ? 0 : -8) +
    (fits % unit === 0 ? 0 : 8) +
    // A block of the top level is seldom the wrong line.
    (has === 0 ? 3 : 0) +
    8 * emptyBlocks(text.split('\n'))
  );
}

/** The step of the indentation: a few lines may be wrong. */
function unitOf(lines: readonly string[]): number {
  const indents = lines.filter(isContent).map(indentOf);
  return [4, 2].find((unit) => indents.filter((indent) => indent % unit !== 0).length <= indents.length / 8) ?? 1;
}

/** How many keys without a value are followed by no line of their own. */
function emptyBlocks(lines: readonly string[]): number {
  const content = lines.filter(isContent);
  return content.filter((line, at) => {
    if (!/:\s*(?:#.*)?$/.test(line)) return false;
    const below = content[at + 1] ?? '';
    const isList = below.trimStart().startsWith('- ') && indentOf(below) >= indentOf(line);
    return !isList && indentOf(below) <= keyColumn(line);
  }).length;
}

/** The column of the key in `- key:`. */
const keyColumn = (line: string): number => /^[\s-]*/.exec(line)?.[0].length ?? 0;

function nearbyLines(lines: readonly string[], error: number): readonly number[] {
  const at = error - 1;
  const near = Array.from({ length: 2 * NEAR + 1 }, (_, step) => at - NEAR + step);
  // The line that opens a block may be far above the line that does not fit the block.
  const openers = lines.flatMap((line, index) => (index < at && /:\s*(?:#.*)?$/.test(line) ? [index] : []));
  const first = lines.findIndex(isContent);
  return [...new Set([...near, ...openers.slice(-MOST_OPENERS), first])].filter((each) => isContent(lines[each]));
}

function indentsAround(lines: readonly string[], at: number): readonly number[] {
  const own = indentOf(lines[at] ?? '');
  const near = lines
    .slice(Math.max(0, at - 6), at + 7)
    .filter(isContent)
    .map(indentOf);
  return [...new Set([...near, ...near.map((indent) => indent + 2), 0])].filter((indent) => indent !== own);
}

const isContent = (line: string | undefined): boolean => line !== undefined && /^\s*[^\s#]/.test(line);
const indentOf = (line: string): number => line.length - line.trimStart().length;

function previous(lines: readonly string[], at: number): string | undefined {
  return lines.slice(0, at).findLast(isContent);
}

function next(lines: readonly string[], at: number): string | undefined {
  return lines.slice(at + 1).find(isContent);
}
