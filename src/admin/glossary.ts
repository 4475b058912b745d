/** The meaning and the cure of each reason and code, for the console. */
import { REASONS } from '../auth/verdict.js';
import { TITLES } from '../http/problem.js';
import { CODE_CURES, REASON_CURES } from '../runtime/explain/cures.js';

interface Entry {
  readonly meaning: string;
  readonly cure: string;
}

type Texts<Name extends string> = Readonly<Record<Name, string>>;

export function glossary(): Readonly<Record<'reasons' | 'codes', Readonly<Record<string, Entry>>>> {
  return { reasons: entriesOf(REASONS, REASON_CURES), codes: entriesOf(TITLES, CODE_CURES) };
}

/** Without the marks of the documentation. */
function entriesOf<Name extends string>(meanings: Texts<Name>, cures: Texts<Name>): Readonly<Record<string, Entry>> {
  const names = Object.keys(meanings) as Name[];
  const plain = (text: string): string => text.replaceAll('`', '');
  return Object.fromEntries(names.map((name) => [name, { meaning: plain(meanings[name]), cure: plain(cures[name]) }]));
}
