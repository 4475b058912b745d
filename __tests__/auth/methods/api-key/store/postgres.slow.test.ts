/** The store of API keys in a real PostgreSQL. */
import { connect, createServer, type Socket } from 'node:net';
import { Client } from 'pg';
import { KeyAdministration } from '../../../../../src/auth/methods/api-key/store/administration.js';
import { PostgresStore } from '../../../../../src/auth/methods/api-key/store/postgres-store.js';
import { keyDigestOf, newKeyText } from '../../../../../src/auth/methods/api-key/store/key-text.js';
import type { KeyNotice } from '../../../../../src/auth/methods/api-key/store/key-store.js';
import { PostgresServer } from '../../../../support/postgres-server.js';
import { quietLog } from '../../../../support/quiet-log.js';
import { closed, listening } from '../../../../support/recording-upstream.js';
import { until } from '../../../../support/until.js';
import { describeKeyStore } from './key-store-suite.js';

let server: PostgresServer;
const open = (): PostgresStore => new PostgresStore({ url: server.url });
beforeAll(async () => {
  server = await PostgresServer.start();
  // Several gateways may migrate at once.
  const stores = [open(), open(), open()];
  const ran = await Promise.all(stores.map((each) => each.migrate()));
  expect(ran.map((statements) => statements.length).sort()).toEqual([0, 0, 1]);
  await Promise.all(stores.map((each) => each.close()));
}, 120_000);
afterAll(() => server.close());

describeKeyStore(() => open());

test('a change that a person makes with SQL, and a change of many rows, send a notice', async () => {
  const store = open();
  const notices: KeyNotice[] = [];
  const stop = store.watch((notice) => void notices.push(notice));
  await until(() => notices.some(({ kind }) => kind === 'live'));
  // The first notice is of the start.
  notices.length = 0;
  const record = (name: string) => ({
    id: crypto.randomUUID(),
    name,
    digest: keyDigestOf(newKeyText()),
    hint: '',
    created: 1,
    scopes: [],
    metadata: {},
  });
  const one = record('by hand');
  await store.add([one, ...Array.from({ length: 200 }, (_, at) => record(`of many ${at}`))]);
  await until(() => notices.some((each) => each.kind === 'changed' && each.ids === undefined));
  notices.length = 0;
  await server.ask(`UPDATE loom_api_keys SET revoked = 5 WHERE id = '${one.id}'`);
  const ofOne = expect.objectContaining({ kind: 'changed', ids: [one.id] }) as KeyNotice;
  await until(() => notices.length > 0);
  expect(notices).toContainEqual(ofOne);
  notices.length = 0;
  await server.ask(`DELETE FROM loom_api_keys WHERE id = '${one.id}'`);
  await until(() => notices.length > 0);
  expect(notices).toContainEqual(ofOne);
  notices.length = 0;
  await server.ask('TRUNCATE loom_api_keys');
  await until(() => notices.some((each) => each.kind === 'changed' && each.ids === undefined));
  stop();
  await store.close();
});

test('a cut or frozen connection is lost, and comes back', async () => {
  const store = open();
  const kinds: string[] = [];
  const stop = store.watch(({ kind }) => void kinds.push(kind));
  await until(() => kinds.includes('live'));
  kinds.length = 0;
  await server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
  await until(() => kinds.includes('live'));
  expect(kinds).toContain('lost');
  kinds.length = 0;
  server.signal('SIGSTOP');
  await until(() => kinds.includes('lost'));
  server.signal('SIGCONT');
  await until(() => kinds.includes('live'));
  stop();
  await store.close();
});

test('a database without the table, and no database, are not taken for an unknown key', async () => {
  await server.ask('CREATE DATABASE empty');
  const empty = new PostgresStore({ url: server.url.replace(/postgres$/, 'empty') });
  await expect(empty.find('0'.repeat(64))).rejects.toMatchObject({ code: 'schema' });
  await empty.close();
  await server.stop();
  const store = open();
  await expect(store.find('0'.repeat(64))).rejects.toMatchObject({ code: 'unavailable' });
  await store.close();
  await server.start();
});

const keysIn = (store: PostgresStore): KeyAdministration =>
  new KeyAdministration({ store, taken: new Set(), log: quietLog(), now: Date.now });

/** Holds the lock of all additions, as a long import does. */
async function holdingAdditions(): Promise<{ release(): Promise<void> }> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  await client.query('SELECT pg_advisory_lock(5641278)');
  return { release: () => client.end() };
}

test('changes that wait for a long import keep no lookup waiting', async () => {
  const store = open();
  const { record } = await keysIn(store).create({ name: 'before the import' });
  const held = await holdingAdditions();
  const waiting = Array.from({ length: 8 }, (_, n) => keysIn(store).create({ name: `during the import ${n}` }));
  const settled = Promise.allSettled(waiting);
  for (let n = 0; n < 20; n += 1) expect(await store.find(record.digest)).toEqual(record);
  await held.release();
  expect((await settled).some(({ status }) => status === 'fulfilled')).toBe(true);
  await store.close();
});

test('a connection that failed within a change leaves no lock and no transaction behind', async () => {
  const store = open();
  const held = await holdingAdditions();
  const failing = keysIn(store).create({ name: 'cut' });
  const cut = expect(failing).rejects.toMatchObject({ code: 'unavailable' });
  const waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%advisory%'";
  let found: readonly unknown[] = [];
  while (found.length === 0) found = await server.ask(waiting);
  await server.ask(waiting.replace('SELECT pid', 'SELECT pg_terminate_backend(pid)'));
  await cut;
  await held.release();
  const { record } = await keysIn(store).create({ name: 'after the cut' });
  expect(await store.find(record.digest)).toEqual(record);
  expect(await server.ask("SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'")).toEqual([]);
  await store.close();
});

test('G-25 a record of a newer schema is no key, because it may have a condition that is not checked', async () => {
  const store = open();
  const { record } = await keysIn(store).create({ name: 'of a newer version' });
  expect(await store.find(record.digest)).toEqual(record);
  await server.ask('INSERT INTO loom_api_keys_schema VALUES (99)');
  await expect(store.find(record.digest)).rejects.toMatchObject({ code: 'schema' });
  await expect(keysIn(store).create({ name: 'of an older version' })).rejects.toMatchObject({ code: 'schema' });
  await expect(keysIn(store).rotate('of a newer version')).rejects.toMatchObject({ code: 'schema' });
  // Twin: a key must be revoked without delay.
  await expect(keysIn(store).revoke({ id: record.id })).resolves.toHaveLength(1);
  await server.ask('DELETE FROM loom_api_keys_schema WHERE version = 99');
  expect(await store.find(record.digest)).toMatchObject({ id: record.id });
  await store.close();
});

test('G-23 a connection without an end and without data is lost within a second', async () => {
  const sockets: Socket[] = [];
  let isOpen = true;
  const proxy = createServer((near) => {
    const far = connect(server.port, '127.0.0.1');
    sockets.push(near, far);
    for (const each of [near, far]) each.on('error', () => undefined);
    near.on('data', (chunk) => void (isOpen && far.write(chunk)));
    far.on('data', (chunk) => void (isOpen && near.write(chunk)));
  });
  const port = await listening(proxy);
  const store = new PostgresStore({ url: server.url.replace(`:${server.port}`, `:${port}`) });
  const kinds: string[] = [];
  store.watch(({ kind }) => void kinds.push(kind));
  await until(() => kinds.includes('live'));
  kinds.length = 0;
  isOpen = false;
  const before = performance.now();
  await until(() => kinds.includes('lost'));
  // Other work of this machine may delay the timers of the test.
  expect(performance.now() - before).toBeLessThan(5_000);
  isOpen = true;
  for (const each of sockets) each.destroy();
  await until(() => kinds.includes('live'));
  await store.close();
  for (const each of sockets) each.destroy();
  await closed(proxy);
});
