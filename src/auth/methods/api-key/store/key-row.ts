/** Converts records to rows of a database and back. */
import type { KeyRecord } from './key-record.js';

export const TABLE = 'loom_api_keys';

/** The columns, in the order of the parameters of an insert. */
export const COLUMNS = [
  'id',
  'name',
  'digest',
  'hint',
  'created',
  'expires',
  'not_before',
  'revoked',
  'replaced_by',
  'grace_until',
  'scopes',
  'metadata',
  'rate_limit',
  'allowed_ips',
  'last_used',
] as const satisfies readonly (keyof KeyRecord)[];

/** Every column changes who may pass, except this one. */
export const USE_COLUMN = 'last_used';

const JSON_COLUMNS: ReadonlySet<string> = new Set(['scopes', 'metadata', 'rate_limit', 'allowed_ips']);

export type Cell = string | number | null;

/** The values of a record in the order of `COLUMNS`. */
export function cellsOf(record: KeyRecord): Cell[] {
  return COLUMNS.map((column): Cell => {
    const value = record[column];
    if (value === undefined) return null;
    return JSON_COLUMNS.has(column) ? JSON.stringify(value) : (value as string | number);
  });
}

/** The record of a row. A malformed row gives a malformed record, and `readRecord` refuses it. */
export function recordOf(row: Readonly<Record<string, unknown>>): KeyRecord {
  const members = COLUMNS.flatMap((column) => {
    const cell = row[column];
    if (cell === null || cell === undefined) return [];
    return [[column, JSON_COLUMNS.has(column) ? parsed(cell) : cell] as const];
  });
  return Object.fromEntries(members) as unknown as KeyRecord;
}

/** A text that is not JSON stays as it is, and is then no list and no object. */
function parsed(cell: unknown): unknown {
  if (typeof cell !== 'string') return cell;
  try {
    return JSON.parse(cell) as unknown;
  } catch {
    return cell;
  }
}
