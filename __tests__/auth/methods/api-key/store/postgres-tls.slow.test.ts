/** The store of API keys in a real PostgreSQL, over TLS. */
import { readFile } from 'node:fs/promises';
import { PostgresStore } from '../../../../../src/auth/methods/api-key/store/postgres-store.js';
import type { KeyNotice } from '../../../../../src/auth/methods/api-key/store/key-store.js';
import { makeCertificates, type Certificates } from '../../../../support/certificates.js';
import { PostgresServer } from '../../../../support/postgres-server.js';
import { until } from '../../../../support/until.js';
import { describeKeyStore } from './key-store-suite.js';

let certificates: Certificates;
let server: PostgresServer;
let ca: string;
const open = (query = '', authorities?: string): PostgresStore =>
  new PostgresStore({ url: `${server.url.replace('127.0.0.1', 'localhost')}${query}`, ca: authorities });

beforeAll(async () => {
  certificates = await makeCertificates();
  ca = await readFile(certificates.ca, 'utf8');
  const order = {
    subject: '/CN=database',
    extensions: ['subjectAltName=DNS:localhost'],
    issuer: { cert: certificates.ca, key: certificates.caKey },
  };
  server = await PostgresServer.start(await certificates.office.issue('database', order));
  const store = open('', ca);
  await store.migrate();
  await store.close();
}, 120_000);
afterAll(async () => {
  await server.close();
  await certificates.office.remove();
});

describeKeyStore(() => open('', ca));

/** Runs a question on a new store. Returns whether the connections of the store use TLS, or the message of the failure. */
async function outcomeOf(store: PostgresStore): Promise<readonly unknown[] | string> {
  const notices: KeyNotice[] = [];
  const stop = store.watch((notice) => void notices.push(notice));
  try {
    await store.find('0'.repeat(64));
    await until(() => notices.some(({ kind }) => kind === 'live'));
    const rows = await server.ask(
      "SELECT DISTINCT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'loom-auth'",
    );
    return rows.map(({ ssl }) => ssl);
  } catch (cause) {
    return (cause as Error).message;
  } finally {
    stop();
    await store.close();
  }
}

/** A connection of an earlier store ends a moment after the store. */
async function silence(): Promise<void> {
  while ((await server.ask("SELECT 1 FROM pg_stat_activity WHERE application_name = 'loom-auth'")).length > 0)
    await new Promise((resolve) => setTimeout(resolve, 20));
}

test.each(['prefer', 'require', 'verify-ca', 'verify-full'])(
  'sslmode=%s accepts only a server of a known authority, and prints no warning of the package',
  async (mode) => {
    const warnings: string[] = [];
    const listen = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', listen);
    const unknown = 'PostgreSQL: the authority of the server is not known; name it in ca_file';
    expect(await outcomeOf(open(`?sslmode=${mode}`))).toBe(unknown);
    const authority = `&sslrootcert=${encodeURIComponent(certificates.ca)}`;
    await silence();
    expect(await outcomeOf(open(`?sslmode=${mode}${authority}`))).toEqual([true]);
    process.off('warning', listen);
    expect(warnings.filter((words) => words.includes('SSL'))).toEqual([]);
  },
);

test('ca_file needs a server of this authority with this name', async () => {
  const other = await readFile(certificates.otherCa, 'utf8');
  expect(await outcomeOf(open('', other))).toMatch(/the authority of the server is not known/);
  expect(await outcomeOf(new PostgresStore({ url: server.url, ca }))).toMatch(/does not match certificate's altnames/);
  await silence();
  expect(await outcomeOf(open('', ca))).toEqual([true]);
});

test('twin: sslmode=no-verify encrypts, and without TLS nothing is encrypted, by each spelling', async () => {
  await silence();
  expect(await outcomeOf(open('?sslmode=no-verify'))).toEqual([true]);
  for (const query of ['', '?sslmode=disable', '?ssl=false', '?ssl=0']) {
    await silence();
    expect(await outcomeOf(open(query))).toEqual([false]);
  }
});
