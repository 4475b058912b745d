/** Lists of method names as requirements. */
import type { Requirement } from '../../auth/requirement.js';
import type { NonEmpty } from '../../lib/types.js';
import type { Context } from '../context.js';
import type { Path } from '../report.js';
import type { Roster } from './methods.js';

/** One part needs no combination. */
export function combine(
  parts: NonEmpty<Requirement>,
  how: { readonly any: boolean; readonly onInvalid?: 'continue' | 'stop' | undefined },
): Requirement {
  if (parts.length === 1) return parts[0];
  if (!how.any) return { kind: 'all', of: parts };
  return { kind: 'any', of: parts, ...(how.onInvalid === 'stop' ? { onInvalid: 'stop' } : {}) };
}

/** The methods of a list; undefined, with every mistake reported, if one of them cannot be used. */
export function readNames(
  names: readonly string[],
  { path, context, roster }: { readonly path: Path; readonly context: Context; readonly roster: Roster },
): NonEmpty<Requirement & { kind: 'method' }> | undefined {
  let intact = true;
  names.forEach((name, at) => {
    const twice = names.indexOf(name) < at;
    const message = twice ? `${name} is here twice` : roster.refusal(name);
    if (message === undefined) return;
    context.report.error({ path: [...path, at], code: twice ? 'duplicate' : 'wrong_method', message });
    intact = false;
  });
  const [first, ...rest] = names.map((name) => ({ kind: 'method', name }) as const);
  return intact && first ? [first, ...rest] : undefined;
}
