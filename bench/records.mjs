/**
 * What a kept decision costs: the same requests through a middleware with and without records, in turns, in this process.
 * `npm run build:modules && node bench/records.mjs`. Each figure is the least of many short batches.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { DIST } from './lib/contender.mjs';
import { setting } from './lib/numbers.mjs';

const BATCHES = setting('BENCH_BATCHES', 500);
const CALLS = setting('BENCH_CALLS', 100);
const KEY = 'sk_of_the_bench_0001';

const dist = (path) => import(new URL(path, DIST));
const { compileFile } = await dist('config/index.js');
const { compose } = await dist('runtime/compose.js');
const { DecisionRecords } = await dist('admission/decision-records.js');

const noop = () => undefined;
const log = { info: noop, warn: noop, error: noop };
const text = `
admin: { decisions: 1000 }
metrics: { enabled: false }
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: alice }] } } }
routes: [{ id: keys, path: /keys/*, auth: { api_key: true } }]`;
const compile = (given) => compileFile(given, { mode: 'middleware' });
const source = { text, file: 'bench.yaml' };

function gateWith(records) {
  const shared = { strategies: {}, log, now: Date.now, standalone: false, ...(records && { records }) };
  return compose(source, compile(source).plan, { shared, compile });
}

/** A request as Node's parser leaves it, with the fields of a common client. */
function request(key) {
  const req = new IncomingMessage(new Socket());
  req.method = 'GET';
  [req.httpVersion, req.httpVersionMajor, req.httpVersionMinor] = ['1.1', 1, 1];
  req.url = '/keys/orders?page=2';
  const fields = { Host: 'localhost', 'User-Agent': 'curl/8.5.0', Accept: '*/*', 'X-API-Key': key };
  req.rawHeaders = Object.entries(fields).flat();
  req.headers = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));
  req.complete = true;
  return req;
}

/** Microseconds for each request. The records of denials are made after the response, so a batch waits for them. */
async function batch(gate, key) {
  const pairs = Array.from({ length: CALLS }, () => {
    const req = request(key);
    return [req, new ServerResponse(req)];
  });
  const start = performance.now();
  for (const [req, res] of pairs) gate(req, res, noop);
  await new Promise((done) => process.nextTick(done));
  return ((performance.now() - start) / CALLS) * 1_000;
}

async function compare(name, key) {
  const records = new DecisionRecords({ capacity: 1_000, now: Date.now });
  const [on, off] = [gateWith(records), gateWith(undefined)];
  const least = { on: Infinity, off: Infinity };
  for (let at = 0; at < BATCHES; at += 1) {
    least.off = Math.min(least.off, await batch(off, key));
    least.on = Math.min(least.on, await batch(on, key));
  }
  const [kept] = records.find({ limit: 1 });
  if (kept?.kind !== name) throw new Error(`the record is not ${name}: ${JSON.stringify(kept)}`);
  const cost = least.on - least.off;
  console.log(
    `${name}: ${least.off.toFixed(2)} µs without records, ${least.on.toFixed(2)} µs with, ${cost.toFixed(2)} µs more`,
  );
}

await compare('granted', KEY);
await compare('denied', 'another-key');
