/** What Loom documents and this project does not do yet: a warning, and an error where it would have narrowed access. */
import type { Context } from '../context.js';
import type { Path } from '../report.js';
import { NOT_IMPLEMENTED } from '../schema/file.js';

type Level = 'error' | 'warning';
type Unbuilt = Readonly<Record<string, Level>>;

const TOP: Unbuilt = {
  ...Object.fromEntries(Object.keys(NOT_IMPLEMENTED).map((key) => [key, 'warning'] as const)),
  multi_tenancy: 'error',
};

const WORDS: Readonly<Record<string, string>> = {
  multi_tenancy: 'is not built, and without it more would pass than the file says',
};

export function reportUnbuilt(context: Context): void {
  reportKeys(context, [], TOP);
}

function reportKeys(context: Context, above: Path, unbuilt: Unbuilt): void {
  for (const key of context.keys(above)) {
    const level = Object.hasOwn(unbuilt, key) ? unbuilt[key] : undefined;
    const path = [...above, key];
    if (level === undefined || context.value([...path, 'enabled']) === false) continue;
    const message = WORDS[key] ?? 'is not built yet and has no effect';
    context.report[level]({ path, code: 'not_built', message, at: 'key' });
  }
}
