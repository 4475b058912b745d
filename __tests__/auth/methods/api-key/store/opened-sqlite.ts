/** SQLite stores that a test opens, their keys, and answers that a test waits for. */
import { KeyAdministration } from '../../../../../src/auth/methods/api-key/store/administration.js';
import { SqliteStore } from '../../../../../src/auth/methods/api-key/store/sqlite-store.js';
import { quietLog } from '../../../../support/quiet-log.js';

const open: SqliteStore[] = [];

export function openStore(file: string): SqliteStore {
  const store = new SqliteStore(file);
  open.push(store);
  return store;
}

export async function closeStores(): Promise<void> {
  await Promise.all(open.splice(0).map((each) => each.close()));
}

export const keysIn = (store: SqliteStore): KeyAdministration =>
  new KeyAdministration({ store, taken: new Set(), log: quietLog(), now: Date.now });

/** Asks one after the other until an answer is this one. */
export async function untilIs(wanted: string, ask: () => Promise<string>): Promise<boolean> {
  for (const end = Date.now() + 20_000; Date.now() < end;) if ((await ask()) === wanted) return true;
  return false;
}
