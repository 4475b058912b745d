/** What to write in place of an unknown option: another product's name for an option here, or the nearest name. */
import { createRequire } from 'node:module';
import { matchesPattern } from '../loom/option-paths.js';
import type { Path } from '../report.js';
import { hint } from '../suggest.js';
import type * as Foreign from './foreign-names.js';

const require = createRequire(import.meta.url);

/**
 * The end of a message about an unknown option. Empty if no advice is known.
 *
 * @param path The path of the unknown option.
 * @param known The options that its block has.
 */
export function hintFor(path: Path, known: Iterable<string>): string {
  const block = path.slice(0, -1);
  const key = String(path.at(-1) ?? '');
  const names = [...known];
  const advice = adviceFor(block, plain(key));
  if (advice?.includes(' ')) return `; ${advice}`;
  // Blocks that share the table do not have all of its options.
  if (advice === undefined || !names.includes(firstPart(advice))) return hint(key, names);
  return `; did you mean ${JSON.stringify(advice)}?`;
}

/** The end of a message about an unknown auth method in `chain` or `methods`. */
export function methodHint(name: string, known: readonly string[]): string {
  const advice = adviceFor(['middleware', 'auth'], plain(name));
  return advice !== undefined && known.includes(advice)
    ? `; did you mean ${JSON.stringify(advice)}?`
    : hint(name, known);
}

function adviceFor(block: Path, key: string): string | undefined {
  // The names load only for a file with a mistake.
  const { FOREIGN_NAMES } = require('./foreign-names.js') as typeof Foreign;
  for (const { at, names, sentences = [] } of FOREIGN_NAMES) {
    if (!at.some((pattern) => (pattern === '' ? block.length === 0 : matchesPattern(block, pattern)))) continue;
    const sentence = sentences.find(([words]) => has(words, key));
    if (sentence) return sentence[1];
    const found = Object.entries(names).find(([, words]) => has(words, key));
    if (found) return found[0];
  }
  return undefined;
}

const firstPart = (advice: string): string => /^[\w-]+/.exec(advice)?.[0] ?? '';

const has = (words: string, key: string): boolean => words.split(' ').some((word) => plain(word) === key);

/** Case, `-` and `_` do not count. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[\s._-]+/g, '');
}
