/** The store of API keys in a real PostgreSQL. */
import { PostgresStore } from '../../../../../src/auth/methods/api-key/store/postgres-store.js';
import { keyDigestOf, newKeyText } from '../../../../../src/auth/methods/api-key/store/key-text.js';
import type { KeyNotice } from '../../../../../src/auth/methods/api-key/store/key-store.js';
import { PostgresServer } from '../../../../support/postgres-server.js';
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
