/**
 * What the verdict costs alone, in this process: authenticators, the route table, a large file, an idle gateway. Part of
 * `npm run bench`. Each figure is the least of several batches: a neighbour on the machine can only add to it.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLI, DIST, NODE, sleep, start } from './lib/contender.mjs';
import { gatewayFile, KEY } from './lib/gateway-file.mjs';
import { openIssuer } from './lib/issuer.mjs';
import { setting, summary, table, target } from './lib/numbers.mjs';
import { freePorts } from './lib/ports.mjs';

const BATCHES = setting('BENCH_BATCHES', 30);
const CALLS = setting('BENCH_CALLS', 20_000);
const TOKENS = setting('BENCH_TOKENS', 500);
const KEYS = setting('BENCH_KEYS', 100_000);
const ROUTES = setting('BENCH_ROUTES', 10_000);

const { compileFile } = await dist('config/index.js');
const { attemptOf } = await dist('auth/combine.js');
const { compileRequirement } = await dist('auth/compile.js');
const { MethodsInUse } = await dist('auth/methods-in-use.js');
const { RouteTable } = await dist('routing/route-table.js');
const { readTarget } = await dist('http/target.js');

const log = { debug: noop, info: noop, warn: noop, error: noop };
const issuer = await openIssuer();
const rows = [['alone, in this process', 'µs']];
const targets = [];

try {
  const file = gatewayFile({ port: 8080, upstream: 8081, issuer });
  const few = await methodsOf(file);
  await apiKeys(few);
  await tokens(file, few);
  routes();
  await few.close();
  await idle();
  table(rows);
  console.log('');
  for (const each of targets) target(...each);
  summary();
} finally {
  issuer.close();
}

function noop() {}

function dist(path) {
  return import(new URL(path, DIST));
}

async function methodsOf(text) {
  const { plan } = compileFile({ text, file: 'bench.yaml' }, { mode: 'serve' });
  const methods = new MethodsInUse(plan.methods, {}, { now: Date.now, log });
  await methods.ready();
  return methods;
}

/** A request as Node's parser leaves it, with the fields of a common client. */
function requestWith(name, value) {
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  request.url = '/internal/x';
  const fields = { Host: 'localhost', 'User-Agent': 'curl/8.5.0', Accept: '*/*', [name]: value };
  request.rawHeaders = Object.entries(fields).flat();
  request.headers = Object.fromEntries(Object.entries(fields).map(([key, text]) => [key.toLowerCase(), text]));
  return request;
}

function granting(methods, name) {
  const authenticate = compileRequirement({ kind: 'method', name }, methods.compiled);
  return (request) => {
    const verdict = authenticate(attemptOf(request));
    if (verdict.kind !== 'granted') throw new Error(`${name} says ${verdict.kind ?? 'nothing yet'}`);
  };
}

/** Microseconds for one call: the least of the batches. */
function least(act, calls = CALLS, batches = BATCHES) {
  let best = Infinity;
  for (let batch = 0; batch < batches; batch += 1) {
    const from = performance.now();
    for (let i = 0; i < calls; i += 1) act(i);
    best = Math.min(best, ((performance.now() - from) * 1_000) / calls);
  }
  return best;
}

function told(what, value, limit, unit = ' µs') {
  if (unit === ' µs') rows.push([what, value.toFixed(2)]);
  if (limit !== undefined) targets.push([what, value, limit, unit]);
  return value;
}

async function apiKeys(few) {
  const request = requestWith('X-API-Key', KEY);
  const judgeOne = granting(few, 'api_key');
  told(
    'api_key verdict',
    least(() => judgeOne(request)),
    3,
  );
  const [ten, many] = [await keyTable(10), await keyTable(KEYS)];
  // In turns, so that both meet the same neighbours.
  const times = [ten, many].map(() => Infinity);
  for (let round = 0; round < BATCHES; round += 1) {
    [ten, many].forEach((judge, at) => (times[at] = Math.min(times[at], least(judge, CALLS, 1))));
  }
  told('api_key verdict, 10 keys', times[0]);
  told(`api_key verdict, ${KEYS} keys`, times[1]);
  told(`${KEYS} keys / 10 keys`, times[1] / times[0], 1.2, '');
}

/** Keys all over the table are asked for, ten in turn. */
async function keyTable(count) {
  const nameOf = (i) => `sk_of_the_table_${i}`;
  const hashed = (i) => createHash('sha256').update(nameOf(i)).digest('hex');
  const keys = Array.from(
    { length: count },
    (_each, i) => `        - { key_hash: "sha256:${hashed(i)}", name: n${i} }`,
  );
  const from = performance.now();
  const methods = await methodsOf(`
listeners: [{ name: main, address: "127.0.0.1:8080", protocol: http }]
middleware:
  auth:
    api_key:
      keys:
${keys.join('\n')}
routes: [{ id: keys, path: /keys/*, upstream: backend, auth: { api_key: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:8081"] }]
`);
  console.log(`a file with ${count} keys loads in ${Math.round(performance.now() - from)} ms`);
  const judge = granting(methods, 'api_key');
  const step = Math.max(1, Math.floor(count / 10));
  const requests = Array.from({ length: 10 }, (_each, i) => requestWith('X-API-Key', nameOf((i * step) % count)));
  return (i) => judge(requests[i % requests.length]);
}

async function tokens(file, warm) {
  const request = requestWith('Authorization', `Bearer ${issuer.token()}`);
  const judge = granting(warm, 'jwt');
  told(
    'warm JWT verdict (RS256)',
    least(() => judge(request)),
    5,
  );
  const fresh = Array.from({ length: TOKENS }, () => requestWith('Authorization', `Bearer ${issuer.token()}`));
  let best = Infinity;
  for (let batch = 0; batch < Math.max(1, BATCHES / 3); batch += 1) {
    // One that has seen none of them.
    const methods = await methodsOf(file);
    const cold = granting(methods, 'jwt');
    best = Math.min(
      best,
      least((i) => cold(fresh[i]), fresh.length, 1),
    );
    await methods.close();
  }
  told('cold RS256 verdict', best, 60);
}

function fileOfRoutes(count) {
  const lines = Array.from(
    { length: count },
    (_each, i) => `  - { id: r${i}, path: /team${i % 97}/service${i}/*, upstream: backend, auth: { api_key: true } }`,
  );
  return `
listeners: [{ name: main, address: "127.0.0.1:8080", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: one }] } } }
routes:
${lines.join('\n')}
upstreams: [{ name: backend, endpoints: ["127.0.0.1:8081"] }]
`;
}

function routes() {
  const few = Math.min(1_000, ROUTES);
  const { plan } = compileFile({ text: fileOfRoutes(few), file: 'bench.yaml' }, { mode: 'serve' });
  const routeTable = new RouteTable(plan.routes);
  const paths = Array.from({ length: few }, (_each, i) => `/team${i % 97}/service${i}/users/4711`);
  const headers = { host: 'localhost' };
  const match = (i) => {
    const reading = readTarget(paths[i % few], { host: 'localhost' });
    const answer = routeTable.find({ host: 'localhost', target: reading, method: 'GET', headers });
    if (answer.kind !== 'route') throw new Error(`no route: ${answer.kind}`);
  };
  told(`matching among ${few} routes`, least(match), 3);
  const text = fileOfRoutes(ROUTES);
  const from = performance.now();
  const large = compileFile({ text, file: 'bench.yaml' }, { mode: 'serve' });
  new RouteTable(large.plan.routes);
  told(`loading ${ROUTES} routes`, (performance.now() - from) / 1_000, 2, ' s');
}

async function idle() {
  const folder = mkdtempSync(join(tmpdir(), 'loom-bench-'));
  const [port] = await freePorts(1);
  const file = join(folder, 'loom.yaml');
  writeFileSync(file, gatewayFile({ port, upstream: port, issuer }));
  const gateway = await start([NODE, CLI, 'serve', file], { port });
  await sleep(setting('BENCH_IDLE_MS', 2_000));
  told('idle gateway', gateway.residentMb(), 130, ' MB');
  await gateway.stop();
  rmSync(folder, { recursive: true });
}
