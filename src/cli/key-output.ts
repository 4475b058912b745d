/** Prints records of API keys for people and scripts. */
import { once } from 'node:events';
import { stateOf, type KeyRecord, type KeyState } from '../auth/methods/api-key/store/key-record.js';
import type { CreatedKey } from '../auth/methods/api-key/store/keys.js';
import { readRecord } from '../auth/methods/api-key/store/record-schema.js';
import { escapeForTerminal } from '../lib/control-character.js';
import { printable, type Terminal } from './terminal.js';

/** Prints one line, and waits for a slow reader. A store may have a million keys. */
export async function print(line: string, { stdout }: Terminal): Promise<void> {
  if (!stdout.write(`${line}\n`)) await once(stdout, 'drain');
}

/** JSON that no terminal interprets, and that has the same meaning for a script. */
export function jsonText(value: unknown, indent?: number): string {
  return escapeForTerminal(JSON.stringify(value, null, indent));
}

export async function printCreated(created: CreatedKey, json: boolean | undefined, terminal: Terminal): Promise<void> {
  const { key, record } = created;
  const text = json
    ? jsonText({ key, ...shown(record) })
    : printable(
        `key:  ${key}\nname: ${record.name}\nid:   ${record.id}\nThe store has only the digest of the key. The key cannot be shown again.`,
      );
  await print(text, terminal);
}

export const counted = (number: number): string => `${number} ${number === 1 ? 'key' : 'keys'}`;

export const HEADINGS = ['ID', 'NAME', 'HINT', 'STATE', 'CREATED', 'EXPIRES', 'LAST USED'];
const WIDTHS = [36, 24, 8, 13, 20, 20, 20];

export function columns(cells: readonly string[]): string {
  return cells
    .map((cell, at) => printable(cell.replaceAll('\n', ' ')).padEnd(WIDTHS[at] ?? 0))
    .join('  ')
    .trimEnd();
}

export function row(record: KeyRecord): readonly string[] {
  const { id, name, hint, created, grace_until, expires = grace_until, last_used } = record;
  return [...[id, name, hint].map(String), shownState(record), ...[created, expires, last_used].map(timeText)];
}

/** A gateway refuses a malformed record, whatever its times say. */
function shownState(record: KeyRecord): KeyState | 'malformed' {
  return readRecord(record) ? stateOf(record, Date.now()) : 'malformed';
}

/** Another program may have written anything into the store. */
function timeText(ms: unknown): string {
  if (ms === undefined) return '-';
  const date = new Date(typeof ms === 'number' ? ms : NaN);
  return Number.isNaN(date.getTime()) ? JSON.stringify(ms) : date.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** A record for people and scripts: times as text, and no digest, because it helps to check guesses. */
export function shown(record: KeyRecord): object {
  const times = ['created', 'expires', 'not_before', 'revoked', 'grace_until', 'last_used'] as const;
  const texts = times.flatMap((name) => (record[name] === undefined ? [] : [[name, timeText(record[name])] as const]));
  return { ...record, ...Object.fromEntries(texts), digest: undefined, state: shownState(record) };
}
