/**
 * What a key of a store costs beside a key of the file, cached and uncached, with a million keys in SQLite and in
 * PostgreSQL: `npm run bench:keys`. PostgreSQL is left out where `BENCH_POSTGRES` names no database.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createHash, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DIST } from './lib/contender.mjs';
import { setting, table } from './lib/numbers.mjs';

const KEYS = setting('BENCH_KEYS', 1_000_000);
const CALLS = setting('BENCH_CALLS', 50_000);
const CHUNK = 10_000;

const load = (path) => import(new URL(path, DIST));
const { apiKey } = await load('auth/methods/api-key/api-key.js');
const { migrateStore, openStore } = await load('auth/methods/api-key/store/open-store.js');

const keyOf = (number) => `bench-key-with-the-number-${number}`;
const digestOf = (number) => createHash('sha256').update(keyOf(number)).digest('hex');
const requestOf = (key) => ({
  headers: { 'x-api-key': key },
  rawHeaders: ['X-API-Key', key],
  socket: { remoteAddress: '192.0.2.1' },
  url: '/',
});
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

const rows = [['keys', 'µs a lookup', 'heap of the gateway']];
const folder = mkdtempSync(join(tmpdir(), 'loom-bench-'));
await ofFile();
await ofStore('SQLite', { type: 'sqlite', path: join(folder, 'keys.db') });
if (process.env.BENCH_POSTGRES) await ofStore('PostgreSQL', { type: 'postgres', url: process.env.BENCH_POSTGRES });
else rows.push(['PostgreSQL', 'left out: BENCH_POSTGRES names no database', '']);
table(rows);
rmSync(folder, { recursive: true });

async function timed(strategy, numberOf, calls) {
  const before = process.cpuUsage();
  for (let at = 0; at < calls; at += 1) {
    const verdict = await strategy.decide(requestOf(keyOf(numberOf(at))));
    if (verdict.kind !== 'granted') throw new Error(`a key was ${verdict.kind}: ${verdict.reason ?? ''}`);
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / calls).toFixed(2);
}

const heapText = () => `${Math.round(process.memoryUsage().heapUsed / 2 ** 20)} MB`;

async function ofFile() {
  const keys = Array.from({ length: 1_000 }, (_, n) => ({ key: keyOf(n), name: `n${n}` }));
  const strategy = apiKey.compile(apiKey.options.parse({ keys }), { now: Date.now, log: quiet });
  await timed(strategy, (at) => at % 1_000, CALLS);
  rows.push(['of the file', await timed(strategy, (at) => at % 1_000, CALLS), heapText()]);
}

async function ofStore(name, place) {
  const options = apiKey.options.parse({ store: { ...place, throttle: false } });
  await migrateStore(options.store);
  const store = openStore(options.store);
  for (let from = 0; from < KEYS; from += CHUNK) await store.add(recordsFrom(from));
  await store.close();
  globalThis.gc?.();
  const strategy = apiKey.compile(options, { now: Date.now, log: quiet });
  await strategy.ready;
  rows.push([`${name}, ${KEYS} keys, uncached`, await timed(strategy, scattered, CALLS), heapText()]);
  await timed(strategy, (at) => at % 1_000, CALLS);
  rows.push([`${name}, ${KEYS} keys, cached`, await timed(strategy, (at) => at % 1_000, CALLS), heapText()]);
  await strategy.close();
}

/** Numbers that do not repeat soon, so that no lookup is cached. */
const scattered = (at) => (at * 7_919) % KEYS;

function recordsFrom(from) {
  return Array.from({ length: Math.min(CHUNK, KEYS - from) }, (_, n) => ({
    id: randomUUID(),
    name: `n${from + n}`,
    digest: digestOf(from + n),
    hint: '',
    created: 1,
    scopes: ['read'],
    metadata: {},
  }));
}
