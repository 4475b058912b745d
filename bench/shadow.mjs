/**
 * What a shadow file costs, and whether its report misses a difference: the same requests through a middleware with and
 * without a shadow file, in turns, in this process.
 * `npm run bench:shadow`, or with fewer requests `npm run bench:shadow -- --count 10000`.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as rest } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DIST } from './lib/contender.mjs';
import { estimate, setting, summary, target } from './lib/numbers.mjs';

const { values } = parseArgs({ options: { count: { type: 'string', default: '1000000' } } });
const COUNT = Number(values.count);
if (!Number.isInteger(COUNT) || COUNT < 1) throw new Error('--count must be a whole number of requests');
/** Fewer than the copies that may wait: none is dropped. */
const BATCH = setting('BENCH_BATCH', 1_000);

const { loom, identitiesOf } = await import(new URL('index.js', DIST));
const noop = () => undefined;
const log = { info: noop, warn: noop, error: noop };

const keys = (...names) => names.map((name) => `{ key: sk_of_the_bench_${name}_0001, name: ${name} }`).join(', ');
const file = (routes, names) => ({
  text: `
middleware: { auth: { api_key: { keys: [${keys(...names)}], claims_to_headers: { name: X-Caller } } } }
routes:
${routes.map((route) => `  - { ${route} }`).join('\n')}`,
});
const LIVE = file(
  [
    'id: open, path: /open/*, auth: none',
    'id: keys, path: /keys/*, auth: { api_key: true }',
    'id: few, path: /few/*, auth: { api_key: { names: [bob] } }',
    'id: old, path: /old/*, auth: { api_key: true }',
  ],
  ['alice', 'bob', 'carol'],
);
/** A route gets auth, a key is removed, another name may call, and a path is renamed. */
const NEXT = file(
  [
    'id: open, path: /open/*, auth: { api_key: true }',
    'id: keys, path: /keys/*, auth: { api_key: true }',
    'id: few, path: /few/*, auth: { api_key: { names: [alice] } }',
    'id: old, path: /renamed/*, auth: { api_key: true }',
  ],
  ['alice', 'bob'],
);
const PATHS = ['/open/1', '/keys/orders?page=2', '/few/1', '/old/1', '/renamed/1', '/nowhere'];
const CALLERS = [undefined, 'alice', 'bob', 'carol', 'unknown'];
const KINDS = PATHS.flatMap((path) => CALLERS.map((caller) => ({ path, caller })));

/** A request as the parser of Node leaves it, with the headers of a common client. */
function request({ path, caller }) {
  const req = new IncomingMessage(new Socket());
  req.method = 'GET';
  [req.httpVersion, req.httpVersionMajor, req.httpVersionMinor] = ['1.1', 1, 1];
  req.url = path;
  const headers = { Host: 'localhost', 'User-Agent': 'curl/8.5.0', Accept: '*/*' };
  if (caller) headers['X-API-Key'] = `sk_of_the_bench_${caller}_0001`;
  req.rawHeaders = Object.entries(headers).flat();
  req.headers = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  req.complete = true;
  return req;
}

/** The verdict of a gateway of its own: the status of the denial, or the caller. */
async function verdictOf(source, kind) {
  const gate = loom(source, { log });
  await gate.ready;
  const req = request(kind);
  const res = new ServerResponse(req);
  let verdict;
  gate(req, res, () => (verdict = `admitted ${identitiesOf(req).map(({ subject }) => subject)}`));
  await nextTurn();
  await gate.close();
  return verdict ?? `refused ${res.statusCode}`;
}

const totalOf = ({ requests }) => Object.values(requests).reduce((sum, each) => sum + each, 0);
let shadowedSoFar = 0;

/** User CPU of the process in microseconds for each request, with the work of the shadow file after the responses. */
async function batch(gate, { from, count, isShadowed }) {
  const pairs = Array.from({ length: count }, (_, at) => {
    const req = request(KINDS[(from + at) % KINDS.length]);
    return [req, new ServerResponse(req)];
  });
  const start = process.cpuUsage();
  for (const [req, res] of pairs) gate(req, res, noop);
  await nextTurn();
  if (isShadowed) {
    shadowedSoFar += count;
    while (totalOf(gate.shadow()) < shadowedSoFar) await rest(2);
  }
  return process.cpuUsage(start).user / count;
}

const changed = [];
for (const kind of KINDS) changed.push((await verdictOf(LIVE, kind)) !== (await verdictOf(NEXT, kind)));

const [off, on] = [loom(LIVE, { log }), loom(LIVE, { log, shadow: NEXT })];
await Promise.all([off.ready, on.ready]);
const costs = { off: [], on: [], added: [] };
let expected = 0;
for (let from = 0; from < COUNT; from += BATCH) {
  const count = Math.min(BATCH, COUNT - from);
  for (let at = from; at < from + count; at += 1) expected += changed[at % KINDS.length] ? 1 : 0;
  const without = await batch(off, { from, count, isShadowed: false });
  const beside = await batch(on, { from, count, isShadowed: true });
  costs.off.push(without);
  costs.on.push(beside);
  costs.added.push(beside - without);
}
const { requests, differences } = on.shadow();
await Promise.all([off.close(), on.close()]);

const text = (samples) => {
  const { median, low, high } = estimate(samples);
  return `${median.toFixed(2)} µs (${low.toFixed(2)} to ${high.toFixed(2)})`;
};
console.log(`${COUNT} requests with and without a shadow file, user CPU for each request`);
console.log(`without: ${text(costs.off)}`);
console.log(`with:    ${text(costs.on)}`);
console.log(`added:   ${text(costs.added)}`);
console.log(`differences: ${expected} expected, ${requests.different} found, in ${differences.length} kinds`);
target('missed differences', Math.max(0, expected - requests.different), 0);
target('false differences', Math.max(0, requests.different - expected), 0);
target('copies that were dropped or not evaluated', requests.dropped + requests.not_evaluated, 0);
summary();
