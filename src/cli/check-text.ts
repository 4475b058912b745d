/** The text that `check` prints: each diagnostic with its rule, the cure of each rule, and the access table. */
import { formatDiagnostic, type Diagnostic } from '../config/diagnostics.js';
import { renderAccess } from './access-table.js';
import { cureOf, type Outcome } from './check-outcome.js';
import { printable, type Paint } from './terminal.js';

export function asText({ access, diagnostics }: Outcome, paint: Paint): string {
  const lines = diagnostics.map((each) => `${renderDiagnostic(each, paint)} ${paint('dim', `[${each.code}]`)}`);
  const cures = [...new Set(diagnostics.map(({ code }) => code))].map((code) => `${code}: ${cureOf(code)}`);
  const table = access ? [renderAccess(access, paint)] : [];
  const found = lines.length > 0 ? [lines.join('\n'), cures.join('\n')] : [];
  return `${[...found, ...table, tally(diagnostics, paint)].join('\n\n')}\n`;
}

const COLOURS = { error: 'red', warning: 'yellow', note: 'dim' } as const;

export function renderDiagnostic(diagnostic: Diagnostic, paint: Paint): string {
  const { level } = diagnostic;
  return `${paint(COLOURS[level], level)} ${printable(formatDiagnostic(diagnostic))}`;
}

function tally(diagnostics: readonly Diagnostic[], paint: Paint): string {
  const count = (level: Diagnostic['level']): number => diagnostics.filter((each) => each.level === level).length;
  const words = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
  const notes = count('note') > 0 ? `, ${words(count('note'), 'note')}` : '';
  const text = `${words(count('error'), 'error')}, ${words(count('warning'), 'warning')}${notes}`;
  return count('error') > 0 ? paint('red', text) : text;
}
