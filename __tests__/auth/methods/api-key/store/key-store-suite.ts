/** What every key store must do; run on SQLite, on PostgreSQL and on the store of a host. */
import { randomBytes } from 'node:crypto';
import { KeyAdministration } from '../../../../../src/auth/methods/api-key/store/administration.js';
import { readRecord } from '../../../../../src/auth/methods/api-key/store/record-schema.js';
import type { KeyNotice, KeyStore } from '../../../../../src/auth/methods/api-key/store/key-store.js';
import { keyDigestOf } from '../../../../../src/auth/methods/api-key/store/key-text.js';
import { quietLog } from '../../../../support/quiet-log.js';
import { until } from '../../../../support/until.js';

const unique = (): string => `caller ${randomBytes(8).toString('hex')}`;

/** `open`: another view of one store, as another process has it. */
export function describeKeyStore(open: () => KeyStore): void {
  let clock = 1_800_000_000_000;
  const log = quietLog();
  const views: KeyStore[] = [];
  const view = (): KeyStore => {
    const store = open();
    views.push(store);
    return store;
  };
  let store: KeyStore;
  let keys: KeyAdministration;
  beforeAll(() => {
    store = view();
    keys = new KeyAdministration({ store, taken: new Set(['of the file']), log, now: () => clock });
  });
  afterAll(() => Promise.all(views.map((each) => each.close())));

  const rejectsWith = (code: string) => expect.objectContaining({ name: 'KeyStoreError', code }) as unknown;

  test('finds a created key by its digest, with all that was said about it', async () => {
    const name = unique();
    const { key, record } = await keys.create({
      name,
      expires: '2030-01-02T03:04:05Z',
      not_before: new Date(clock),
      scopes: ['read', 'write:all'],
      metadata: { plan: 'pro', seats: 5, tags: ['a'], deep: { on: true } },
      rate_limit: '1000/m',
      allowed_ips: ['10.0.0.0/8', '::1'],
    });
    expect(key).toMatch(/^loom_live_[0-9A-Za-z]{27}_[0-9A-Za-z]{6}$/);
    const found = await store.find(keyDigestOf(key));
    expect(found).toEqual(record);
    expect(readRecord(found)).toEqual(record);
    expect(record).toMatchObject({
      name,
      created: clock,
      expires: Date.UTC(2030, 0, 2, 3, 4, 5),
      not_before: clock,
      rate_limit: { rate: 1_000, perMs: 60_000 },
    });
    expect(JSON.stringify(found)).not.toContain(key);
  });

  test('knows no other digest', async () => {
    expect(await store.find('0'.repeat(64))).toBeUndefined();
    expect(await store.find("' OR '1'='1")).toBeUndefined();
  });

  test('refuses a name and a digest that it has, and keeps what it had', async () => {
    const name = unique();
    const { record } = await keys.create({ name });
    await expect(keys.create({ name, scopes: ['admin'] })).rejects.toEqual(rejectsWith('name_taken'));
    await expect(keys.create({ name: 'of the file' })).rejects.toEqual(rejectsWith('name_taken'));
    await expect(store.add([{ ...record, id: crypto.randomUUID(), name: unique() }])).rejects.toEqual(
      rejectsWith('digest_taken'),
    );
    expect(await keys.list({ name })).toEqual([record]);
  });

  test('adds all records or none', async () => {
    const [first, last] = [unique(), unique()];
    const { record } = await keys.create({ name: last });
    const line = (name: string): string => JSON.stringify({ name, key: randomBytes(24).toString('hex') });
    await expect(keys.import([line(first), line(record.name)])).rejects.toEqual(rejectsWith('name_taken'));
    expect(await keys.list({ name: first })).toEqual([]);
  });

  test('revokes one key by its id, and all keys of a name', async () => {
    const name = unique();
    const { key, record } = await keys.create({ name });
    const second = await keys.rotate(name, { grace: '1h' });
    clock += 1_000;
    expect(await keys.revoke({ id: record.id })).toMatchObject([{ id: record.id, revoked: clock }]);
    expect(await store.find(keyDigestOf(key))).toMatchObject({ revoked: clock });
    expect(await store.find(keyDigestOf(second.key))).toEqual(second.record);
    expect(await keys.revoke({ name })).toMatchObject([{ id: second.record.id }]);
    expect(await keys.revoke({ name })).toEqual([]);
    await expect(keys.revoke({ name: unique() })).rejects.toEqual(rejectsWith('not_found'));
    await expect(keys.revoke({ id: crypto.randomUUID() })).rejects.toEqual(rejectsWith('not_found'));
  });

  test('G-21 a rotation gives the old keys a grace that later rotations never lengthen', async () => {
    const name = unique();
    const first = await keys.create({ name, scopes: ['read'], metadata: { plan: 'pro' }, allowed_ips: ['10.0.0.1'] });
    const until0 = clock + 3_600_000;
    const second = await keys.rotate(name, { grace: '1h' });
    await keys.rotate(name, { grace: '30d' });
    expect(await store.find(keyDigestOf(first.key))).toMatchObject({
      grace_until: until0,
      replaced_by: second.record.id,
    });
    await keys.rotate(name, { grace: 1_000 });
    expect(await store.find(keyDigestOf(first.key))).toMatchObject({ grace_until: clock + 1_000 });
    const { id, digest, hint, created, ...rights } = second.record;
    expect([id, digest, hint, created]).not.toContain(undefined);
    expect(rights).toEqual({ name, scopes: ['read'], metadata: { plan: 'pro' }, allowed_ips: ['10.0.0.1'] });
  });

  test('a rotation after a revocation leaves the old keys revoked', async () => {
    const name = unique();
    const old = await keys.create({ name });
    await keys.revoke({ name });
    const fresh = await keys.rotate(name);
    const found = await store.find(keyDigestOf(old.key));
    expect([found?.revoked, found?.grace_until]).toEqual([clock, undefined]);
    expect(await store.find(keyDigestOf(fresh.key))).toEqual(fresh.record);
    await expect(keys.rotate(unique())).rejects.toEqual(rejectsWith('not_found'));
  });

  test('lists pages in one order, and exports lines that an empty store imports', async () => {
    const names = [unique(), unique(), unique()];
    for (const name of names) await keys.create({ name });
    const seen: string[] = [];
    for (let after: string | undefined; ;) {
      const page = await keys.list({ limit: 2, ...(after !== undefined && { after }) });
      seen.push(...page.map((each) => each.name));
      if (page.length < 2) break;
      after = page.at(-1)?.id;
    }
    expect(seen).toEqual(expect.arrayContaining(names));
    const lines: string[] = [];
    for await (const line of keys.export()) lines.push(line);
    expect(lines).toHaveLength(seen.length);
  });

  test('writes the last use without a notice', async () => {
    const { key, record } = await keys.create({ name: unique() });
    await store.touch(new Map([[record.id, clock + 5]]));
    expect(await store.find(keyDigestOf(key))).toEqual({ ...record, last_used: clock + 5 });
  });

  test('sends a notice of each change to every other view, with its id', async () => {
    const other = view();
    const notices: KeyNotice[] = [];
    const stop = other.watch((notice) => void notices.push(notice));
    await until(() => notices.some(({ kind }) => kind === 'live'));
    const { record } = await keys.create({ name: unique() });
    const names = (id: string) => (notice: KeyNotice) =>
      notice.kind === 'changed' && notice.ids?.includes(id) !== false;
    await until(() => notices.some(names(record.id)));
    notices.length = 0;
    await store.touch(new Map([[record.id, clock]]));
    await keys.revoke({ id: record.id });
    await until(() => notices.some(names(record.id)));
    stop();
  });

  test('each change is a log line without the key', async () => {
    log.entries.length = 0;
    const name = unique();
    const { key } = await keys.create({ name });
    const second = await keys.rotate(name);
    await keys.revoke({ name });
    expect(log.entries.map(({ facts }) => [facts['event'], facts['action'], facts['name']])).toEqual(
      ['created', 'rotated', 'revoked', 'revoked'].map((action) => ['key', action, name]),
    );
    expect(JSON.stringify(log.entries)).not.toMatch(new RegExp(`${key}|${second.key}|${keyDigestOf(key)}`));
  });

  test('additions at once give a name to one of them', async () => {
    const other = view();
    const beside = new KeyAdministration({ store: other, taken: new Set(), log, now: () => clock });
    const name = unique();
    const outcomes = await Promise.allSettled([keys, beside, keys, beside].map((each) => each.create({ name })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await keys.list({ name })).toHaveLength(1);
  });
}
