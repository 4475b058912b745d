/** A key store as the code of a host may write it: an array in memory. */
import { KeyStoreError, type KeyNotice, type KeyRecord, type KeyStore } from '../../../../../src/index.js';

export interface MemoryStore extends KeyStore {
  readonly records: KeyRecord[];
  /** The digests that were looked up. */
  readonly asked: string[];
  /** Set: each function fails. */
  down: boolean;
  /** What `find` waits for. */
  gate: Promise<void>;
  tell(notice: KeyNotice): void;
}

export function memoryStore(): MemoryStore {
  const listeners = new Set<(notice: KeyNotice) => void>();
  const up = (): void => {
    if (store.down) throw new KeyStoreError('unavailable', 'the memory is gone');
  };
  const change = (act: () => readonly string[]): void => {
    up();
    const ids = act();
    store.tell({ kind: 'changed', ids });
  };
  const store: MemoryStore = {
    records: [],
    asked: [],
    down: false,
    gate: Promise.resolve(),
    tell: (notice) => {
      for (const each of listeners) each(notice);
    },
    find: async (digest) => {
      store.asked.push(digest);
      const found = store.records.find((each) => each.digest === digest);
      await store.gate;
      up();
      return found;
    },
    list: async ({ id, name, after = '', limit }) => {
      await Promise.resolve();
      up();
      const all = [...store.records].sort((a, b) => (a.id < b.id ? -1 : 1));
      const wanted = all.filter((each) => (id ?? each.id) === each.id && (name ?? each.name) === each.name);
      return wanted.filter((each) => each.id > after).slice(0, limit);
    },
    add: async (records, replacing) => {
      await Promise.resolve();
      change(() => {
        const { name, graceUntil = 0 } = replacing ?? {};
        const same = store.records.filter((each) => each.name === name);
        if (name !== undefined && same.length === 0) throw new KeyStoreError('not_found', 'no key');
        for (const record of records) {
          if (store.records.some(({ digest }) => digest === record.digest))
            throw new KeyStoreError('digest_taken', 'taken');
          if (record.name !== name && store.records.some((each) => each.name === record.name))
            throw new KeyStoreError('name_taken', 'taken');
        }
        const [first] = records;
        for (const each of same.filter(({ revoked }) => revoked === undefined))
          replace(each, {
            replaced_by: each.replaced_by ?? first?.id ?? '',
            grace_until: Math.min(each.grace_until ?? Infinity, graceUntil),
          });
        store.records.push(...records);
        return [...same, ...records].map(({ id }) => id);
      });
    },
    revoke: async (which, atMs) => {
      await Promise.resolve();
      const { id, name } = which as { readonly id?: string; readonly name?: string };
      const found = store.records.filter(
        (each) => each.revoked === undefined && (id === undefined ? each.name === name : each.id === id),
      );
      change(() => {
        for (const each of found) replace(each, { revoked: atMs });
        return found.map((each) => each.id);
      });
      return store.records.filter((each) => found.some((other) => other.id === each.id));
    },
    touch: async (uses) => {
      await Promise.resolve();
      up();
      for (const each of [...store.records]) {
        const at = uses.get(each.id);
        if (at !== undefined) replace(each, { last_used: at });
      }
    },
    watch: (listener) => {
      listeners.add(listener);
      listener({ kind: 'live' });
      return () => void listeners.delete(listener);
    },
    close: () => Promise.resolve(),
  };
  const replace = (record: KeyRecord, change: Partial<KeyRecord>): void => {
    const at = store.records.indexOf(record);
    store.records[at] = { ...record, ...change };
  };
  return store;
}
