/** A log that stores its lines and prints nothing. */
import type { Log } from '../../src/lib/types.js';

export interface Entry {
  readonly level: 'info' | 'warn' | 'error';
  readonly facts: Readonly<Record<string, unknown>>;
  readonly words: string;
}

export function quietLog(): Log & { readonly entries: Entry[] } {
  const entries: Entry[] = [];
  const write =
    (level: Entry['level']) =>
    (facts: object, words: string): void =>
      void entries.push({ level, facts: facts as Entry['facts'], words });
  return { entries, info: write('info'), warn: write('warn'), error: write('error') };
}
