/** The YAML blocks of the Loom page, merged as they continue each other, with elided values filled in. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

const PAGE = join(__dirname, '../fixtures/loom-authentication.md');
const HASH = '$2y$10$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1';

/** What continues what (the numbers count the YAML blocks from 0). */
const CONTINUES: Readonly<Record<number, readonly number[]>> = { 7: [6], 9: [8], 10: [0, 3, 8], 11: [0, 3], 12: [3] };

export const pageBlocks: readonly string[] = [...readFileSync(PAGE, 'utf8').matchAll(/^```yaml\n([^]*?)^```$/gm)].map(
  ([, text = '']) => text.replaceAll('$2a$10$...', HASH),
);

/** A block as a file: verbatim where it stands alone. */
export function pageFile(at: number): string {
  const parts = [...(CONTINUES[at] ?? []), at].map((each) => pageBlocks[each] ?? '');
  return parts.length === 1
    ? (parts[0] as string)
    : stringify(parts.map((part) => parse(part) as unknown).reduce(merge));
}

type Mapping = Record<string, unknown>;

function merge(base: unknown, over: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(over)) return mergeLists(base as Mapping[], over as Mapping[]);
  if (!isMapping(base) || !isMapping(over)) return over;
  const merged: Mapping = { ...base };
  for (const [key, value] of Object.entries(over)) merged[key] = key in base ? merge(base[key], value) : value;
  return merged;
}

/** Lists continue each other by `name`. */
function mergeLists(base: readonly Mapping[], over: readonly Mapping[]): readonly unknown[] {
  const rest = over.filter(({ name }) => name === undefined || !base.some((each) => each['name'] === name));
  const merged = base.map((each) => {
    const continued = over.find(({ name }) => name !== undefined && name === each['name']);
    return continued ? merge(each, continued) : each;
  });
  return [...merged, ...rest];
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
