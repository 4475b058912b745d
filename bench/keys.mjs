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

/** With few keys, for the comparison of the memory. */
const FEW = 1_000;
const rows = [['keys', 'CPU µs a lookup', 'µs a lookup', 'heap MB']];
const folder = mkdtempSync(join(tmpdir(), 'loom-bench-'));
await ofFile();
await ofStore('SQLite', (count) => ({ type: 'sqlite', path: join(folder, `${count}.db`) }));
const { BENCH_POSTGRES } = process.env;
if (BENCH_POSTGRES) await ofStore('PostgreSQL', () => ({ type: 'postgres', url: BENCH_POSTGRES }));
else rows.push(['PostgreSQL', 'left out: BENCH_POSTGRES names no database', '', '']);
table(rows);
rmSync(folder, { recursive: true });

/** The CPU time of this process and the time of the clock, without that of the database server. */
async function timed(strategy, numberOf, calls = CALLS) {
  const [before, from] = [process.cpuUsage(), performance.now()];
  for (let at = 0; at < calls; at += 1) {
    const verdict = await strategy.decide(requestOf(keyOf(numberOf(at))));
    if (verdict.kind !== 'granted') throw new Error(`a key was ${verdict.kind}: ${verdict.reason ?? ''}`);
  }
  const { user, system } = process.cpuUsage(before);
  return [((user + system) / calls).toFixed(2), (((performance.now() - from) * 1_000) / calls).toFixed(2)];
}

/** Without what the collector has not freed yet. */
function heapText() {
  globalThis.gc?.();
  return (process.memoryUsage().heapUsed / 2 ** 20).toFixed(1);
}

async function ofFile() {
  const keys = Array.from({ length: FEW }, (_, n) => ({ key: keyOf(n), name: `n${n}` }));
  const strategy = apiKey.compile(apiKey.options.parse({ keys }), { now: Date.now, log: quiet });
  await timed(strategy, (at) => at % FEW);
  rows.push([`file, ${FEW} keys`, ...(await timed(strategy, (at) => at % FEW)), heapText()]);
}

async function ofStore(name, placeOf) {
  for (const count of [FEW, KEYS]) {
    const options = apiKey.options.parse({ store: { ...placeOf(count), throttle: false } });
    await seed(options.store, count);
    const strategy = apiKey.compile(options, { now: Date.now, log: quiet });
    await strategy.ready;
    const cached = (at) => at % FEW;
    await timed(strategy, cached);
    rows.push([`${name}, ${count} keys, cached`, ...(await timed(strategy, cached)), heapText()]);
    // Of few keys each is cached.
    if (count > FEW) rows.push([`${name}, ${count} keys, uncached`, ...(await timed(strategy, scattered)), heapText()]);
    await strategy.close();
  }
}

async function seed(place, count) {
  await migrateStore(place);
  const store = openStore(place);
  const digest = digestOf(count - 1);
  if (!(await store.find(digest))) {
    const from = (await store.find(digestOf(0))) ? FEW : 0;
    for (let at = from; at < count; at += CHUNK) await store.add(recordsFrom(at, count));
  }
  await store.close();
}

/** Numbers that do not repeat soon, so that no lookup is cached. */
function scattered(at) {
  return FEW + ((at * 7_919) % (KEYS - FEW));
}

function recordsFrom(from, count) {
  return Array.from({ length: Math.min(CHUNK, count - from) }, (_, n) => ({
    id: randomUUID(),
    name: `n${from + n}`,
    digest: digestOf(from + n),
    hint: '',
    created: 1,
    scopes: ['read'],
    metadata: {},
  }));
}
