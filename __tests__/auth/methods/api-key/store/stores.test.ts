/** The stores of API keys that need nothing but Node: SQLite, and a store that a host wrote. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateSqliteFile } from '../../../../../src/auth/methods/api-key/store/sqlite-file.js';
import { SqliteStore } from '../../../../../src/auth/methods/api-key/store/sqlite-store.js';
import { describeKeyStore } from './key-store-suite.js';
import { memoryStore } from './memory-store.js';

describe('SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loom-keys-'));
  const path = join(folder, 'keys.db');
  migrateSqliteFile(path);
  afterAll(() => rmSync(folder, { recursive: true }));
  describeKeyStore(() => new SqliteStore(path));
});

describe('the store of a host', () => {
  const store = memoryStore();
  describeKeyStore(() => store);
});
