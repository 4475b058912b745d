/** The statements that read and add rows of the PostgreSQL table of API keys. */
import { cellsOf, COLUMNS, recordOf, TABLE, type Cell } from './key-row.js';
import type { KeyRecord } from './key-record.js';
import { digestTaken, nameTaken, nameUnknown, type Replacing } from './key-store.js';

const CHUNK = 5_000;
const TIME_COLUMNS: ReadonlySet<string> = new Set([
  'created',
  'expires',
  'not_before',
  'revoked',
  'grace_until',
  'last_used',
]);

export type Row = Readonly<Record<string, unknown>>;
export type Ask = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

export function* chunksOf(records: Iterable<KeyRecord>): Generator<readonly KeyRecord[]> {
  let chunk: KeyRecord[] = [];
  for (const record of records) {
    if (chunk.length === CHUNK) {
      yield chunk;
      chunk = [];
    }
    chunk.push(record);
  }
  if (chunk.length > 0) yield chunk;
}

export async function refuseTaken(ask: Ask, records: readonly KeyRecord[], exempt: string | undefined): Promise<void> {
  const names = records.map(({ name }) => name).filter((name) => name !== exempt);
  const [named] = await ask(`SELECT name FROM ${TABLE} WHERE name = ANY($1) LIMIT 1`, [names]);
  if (named) throw nameTaken(records.find(({ name }) => name === named['name']) as KeyRecord);
  const digests = records.map(({ digest }) => digest);
  const [taken] = await ask(`SELECT digest FROM ${TABLE} WHERE digest = ANY($1) LIMIT 1`, [digests]);
  if (taken) throw digestTaken(records.find(({ digest }) => digest === taken['digest']) as KeyRecord);
}

export async function insert(ask: Ask, records: readonly KeyRecord[]): Promise<void> {
  const rows = records.map(cellsOf);
  const arrays = COLUMNS.map((_column, at) => rows.map((cells) => cells[at] as Cell));
  const types = COLUMNS.map((column, at) => `$${at + 1}::${TIME_COLUMNS.has(column) ? 'bigint' : 'text'}[]`);
  await ask(`INSERT INTO ${TABLE} (${COLUMNS.join(', ')}) SELECT * FROM unnest(${types.join(', ')})`, arrays);
}

/** A grace never grows, and a revoked key stays revoked. */
export async function replace(ask: Ask, { name, graceUntil }: Replacing, id: string): Promise<void> {
  const [found] = await ask(`SELECT 1 FROM ${TABLE} WHERE name = $1 LIMIT 1`, [name]);
  if (!found) throw nameUnknown(name);
  const text = `UPDATE ${TABLE} SET replaced_by = coalesce(replaced_by, $1), grace_until = least(grace_until, $2)
    WHERE name = $3 AND revoked IS NULL`;
  await ask(text, [id, graceUntil, name]);
}

/** The package returns a `bigint` as text. */
export function readRow(row: Row): KeyRecord {
  const cells = Object.entries(row).map(([column, cell]) => [
    column,
    TIME_COLUMNS.has(column) && typeof cell === 'string' ? Number(cell) : cell,
  ]);
  return recordOf(Object.fromEntries(cells) as Row);
}
