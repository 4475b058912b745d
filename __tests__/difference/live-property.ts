/** The property of the list of differences: whatever a caller sees, a line of its class says so. */
import fc from 'fast-check';
import { ConfigError } from '../../src/config/diagnostics.js';
import { textOf } from '../../src/difference/difference-text.js';
import { planDifference } from '../../src/difference/differences.js';
import { explanationsOf, LivePair, type Seen } from './live-pair.js';
import { baseFile, randomEdits, type Edit } from './random-edits.js';

export interface Tally {
  compared: number;
  seen: number;
  silent: number;
  refused: number;
}

/** Compares random pairs of files at work. */
export async function holdsFor(numRuns: number): Promise<Tally> {
  const pair = await LivePair.open();
  const tally: Tally = { compared: 0, seen: 0, silent: 0, refused: 0 };
  try {
    const property = fc.asyncProperty(randomEdits, randomEdits, fc.boolean(), async (first, second, both) => {
      const shared = both ? first : [];
      await compare(pair, [edited(pair, shared), edited(pair, [...shared, ...second])], tally);
    });
    // Equal files are among the pairs.
    await fc.assert(property, { numRuns, examples: [[[], [], false]] });
    return tally;
  } finally {
    await pair.close();
  }
}

function edited(pair: LivePair, edits: readonly Edit[]): object {
  const file = baseFile(pair.upstreams.map(({ port }) => port)) as object;
  for (const [, act] of edits) applyTo(file, act);
  return file;
}

/** An earlier edit may have removed what this one changes. */
function applyTo(file: object, act: Edit[1]): void {
  try {
    act(file);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
  }
}

async function compare(pair: LivePair, files: readonly [object, object], tally: Tally): Promise<void> {
  const plans = files.map((file) => planOf(pair, file));
  const [was, is] = plans;
  if (!was || !is) return void (tally.refused += 1);
  tally.compared += 1;
  const { differences } = planDifference({ plan: was, standalone: true }, { plan: is, standalone: true });
  const lines = differences.map((each) => `${each.class} ${textOf(each)}`);
  const classes = new Set(differences.filter(({ seen }) => seen).map((each) => each.class as string));
  if (classes.size === 0) tally.silent += 1;
  const [before, after] = [await pair.see(files[0]), await pair.see(files[1])];
  const unexplained = before.flatMap((seen, at) =>
    explanationsOf(seen, after[at] as Seen).flatMap((each) => {
      tally.seen += 1;
      return each.classes.some((name) => classes.has(name)) ? [] : [`${pair.nameOf(at)}: ${each.what}`];
    }),
  );
  expect({ unexplained: unexplained.slice(0, 3), lines }).toEqual({ unexplained: [], lines });
}

function planOf(pair: LivePair, file: object): ReturnType<LivePair['plan']> | undefined {
  try {
    return pair.plan(file);
  } catch (cause) {
    if (cause instanceof ConfigError) return undefined;
    throw cause;
  }
}
