/** Prints records of API keys for people and scripts. */
import { stateOf, type KeyRecord } from '../auth/methods/api-key/store/key-record.js';
import type { CreatedKey } from '../auth/methods/api-key/store/keys.js';
import { printable, type Terminal } from './terminal.js';

export function printCreated({ key, record }: CreatedKey, json: boolean | undefined, { stdout }: Terminal): void {
  const text = json
    ? JSON.stringify({ key, ...shown(record) })
    : `key:  ${key}\nname: ${record.name}\nid:   ${record.id}\nThe store has only the digest of the key, so this is the only time that you see it.`;
  stdout.write(`${printable(text)}\n`);
}

export const counted = (number: number): string => `${number} ${number === 1 ? 'key' : 'keys'}`;

export const HEADINGS = ['ID', 'NAME', 'HINT', 'STATE', 'CREATED', 'EXPIRES', 'LAST USED'];
const WIDTHS = [36, 24, 8, 13, 20, 20, 20];

export function columns(cells: readonly string[]): string {
  return cells
    .map((cell, at) => printable(cell).padEnd(WIDTHS[at] ?? 0))
    .join('  ')
    .trimEnd();
}

export function row(record: KeyRecord): readonly string[] {
  const { id, name, hint, created, grace_until, expires = grace_until, last_used } = record;
  return [id, name, hint, stateOf(record, Date.now()), timeText(created), timeText(expires), timeText(last_used)];
}

const timeText = (ms: number | undefined): string =>
  ms === undefined ? '-' : new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');

/** A record for people and scripts: times as text, and no digest, because it helps to check guesses. */
export function shown(record: KeyRecord): object {
  const times = ['created', 'expires', 'not_before', 'revoked', 'grace_until', 'last_used'] as const;
  const texts = times.flatMap((name) => (record[name] === undefined ? [] : [[name, timeText(record[name])] as const]));
  return { ...record, ...Object.fromEntries(texts), digest: undefined, state: stateOf(record, Date.now()) };
}
