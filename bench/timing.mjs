/** Whether the time of a refusal reveals which users and keys exist: real requests to the built gateway, `node bench/timing.mjs`. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashSync } from 'bcryptjs';

/** Medians may lie this far apart. */
const WITHIN = 0.05;
const SAMPLES = Number(process.env.BENCH_SAMPLES ?? 2_000);
const DEAR_SAMPLES = Math.ceil(SAMPLES / 20);
const WARM_UP = 50;

const KEY = 'sk_timing_0123456789abcdef0123456789abcdef';
const OVER = KEY.replace('timing', 'passed');
const basic = (user, password) => `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/**
 * The first class of each set is an unknown user or key. Each other class is compared with the first one. Each request
 * has a random text, so that all requests cost the same to make. Only the expired key is sent more than once.
 */
const SETS = [
  {
    title: 'Basic, users of costs 4 and 5',
    samples: SAMPLES,
    auth: users({ low: 4, high: 5 }),
    classes: {
      'unknown user': (random) => basic('none', random),
      'wrong password, cost 4': (random) => basic('low', random),
      'wrong password, cost 5': (random) => basic('high', random),
    },
  },
  {
    title: 'Basic, users of costs 4 and 10',
    samples: DEAR_SAMPLES,
    auth: users({ low: 4, high: 10 }),
    classes: {
      'unknown user': (random) => basic('none', random),
      'wrong password, cost 4': (random) => basic('low', random),
      'wrong password, cost 10': (random) => basic('high', random),
    },
  },
  {
    title: 'API keys, 1,000 of them',
    samples: SAMPLES,
    auth: keys(),
    classes: {
      'unknown key': (random) => `X-API-Key: ${random}`,
      'a key but for its end': (random) => `X-API-Key: ${KEY.slice(0, -6)}${random.slice(0, 6)}`,
      'a key but for its start': (random) => `X-API-Key: ${random.slice(0, 6)}${KEY.slice(6)}`,
      'a key that is over': () => `X-API-Key: ${OVER}`,
    },
  },
  {
    title: 'Basic that cannot be read: refused without a hash, for every user name',
    samples: SAMPLES,
    auth: users({ low: 4, high: 5 }),
    classes: {
      'too long, unknown user': (random) => basic('none', random.padEnd(80, 'x')),
      'too long, known user': (random) => basic('low', random.padEnd(81, 'x')),
    },
  },
];

function users(costs) {
  const list = Object.entries(costs).map(
    ([name, cost]) => `{ username: ${name}, password_hash: "${hashSync(randomBytes(9).toString('hex'), cost)}" }`,
  );
  return `basic: { users: [${list.join(', ')}] }`;
}

function keys() {
  const others = Array.from(
    { length: 998 },
    (_each, at) => `{ key_hash: "sha256:${sha256(`${at}`)}", name: "k${at}" }`,
  );
  const over = `{ key: ${OVER}, name: over, expires: "2020-01-01" }`;
  return `api_key: { keys: [{ key: ${KEY}, name: known }, ${over}, ${others.join(', ')}] }`;
}

async function gatewayWith(auth) {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  const folder = mkdtempSync(join(tmpdir(), 'loom-timing-'));
  const file = join(folder, 'loom.yaml');
  const method = auth.slice(0, auth.indexOf(':'));
  writeFileSync(
    file,
    `
listeners: [{ name: http, address: "127.0.0.1:${port}", protocol: http }]
middleware: { auth: { ${auth} } }
routes: [{ id: guarded, path: /*, upstream: backend, auth: { ${method}: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:9"] }]
logging: { level: error, access: { enabled: false } }
`,
  );
  const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const child = spawn(process.execPath, [cli, 'serve', '--insecure-node', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  child.on('exit', (code) => code && console.error(errors));
  const close = async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
  };
  return { port, close };
}

/** One connection, one request at a time: what is measured is the gateway, not a queue. */
async function connectionTo(port) {
  for (let tries = 0; tries < 100; tries += 1) {
    const socket = connect(port, '127.0.0.1').setNoDelay(true);
    const connected = await once(socket, 'connect').catch(() => undefined);
    if (connected) return socket;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the gateway did not start');
}

/** Milliseconds to the last byte of a refusal. */
function refusal(socket, line) {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk) => {
      text += chunk;
      const end = text.indexOf('\r\n\r\n');
      const length = /^content-length: *(\d+)/im.exec(text)?.[1];
      if (end < 0 || text.length < end + 4 + Number(length)) return;
      const taken = performance.now() - start;
      socket.off('data', onData);
      if (text.startsWith('HTTP/1.1 401 ')) resolve(taken);
      else reject(new Error(`answered ${text.slice(0, 100)}`));
    };
    socket.on('data', onData);
    const start = performance.now();
    socket.write(`GET /x HTTP/1.1\r\nHost: gw\r\n${line}\r\n\r\n`);
  });
}

/** Every class once a round, in an order of its own: what the machine does meanwhile falls on all alike. */
async function sampled({ classes, samples }, socket) {
  const times = Object.keys(classes).map(() => []);
  for (let round = -Math.min(WARM_UP, samples); round < samples; round += 1) {
    for (const at of shuffled(times.keys())) {
      const line = Object.values(classes)[at](randomBytes(KEY.length / 2).toString('hex'));
      const taken = await refusal(socket, line);
      if (round >= 0) times[at].push(taken);
    }
  }
  return times.map((each) => each.sort((a, b) => a - b));
}

function shuffled(items) {
  const list = [...items];
  for (let at = list.length - 1; at > 0; at -= 1) {
    const other = randomInt(at + 1);
    [list[at], list[other]] = [list[other], list[at]];
  }
  return list;
}

const median = (sorted) => (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;

/** Kolmogorov–Smirnov: how probable so great a distance is between two samples of one distribution. */
function sameDistribution(a, b) {
  let [i, j, distance] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const at = Math.min(a[i], b[j]);
    while (a[i] <= at) i += 1;
    while (b[j] <= at) j += 1;
    distance = Math.max(distance, Math.abs(i / a.length - j / b.length));
  }
  const root = Math.sqrt((a.length * b.length) / (a.length + b.length));
  const lambda = (root + 0.12 + 0.11 / root) * distance;
  let p = 0;
  for (let k = 1; k <= 100; k += 1) p += 2 * (-1) ** (k - 1) * Math.exp(-2 * k * k * lambda * lambda);
  return lambda < 0.2 ? 1 : Math.min(1, Math.max(0, p));
}

let missed = 0;

function report({ title, classes, samples }, times) {
  console.log(`\n${title} (${samples} samples each)`);
  const names = Object.keys(classes);
  const [nobody] = times;
  for (const [at, each] of times.entries()) {
    const apart = median(each) / median(nobody) - 1;
    const against = `${(100 * apart).toFixed(2).padStart(7)} %   KS p ${sameDistribution(nobody, each).toFixed(3)}`;
    const passed = Math.abs(apart) <= WITHIN;
    if (!passed) missed += 1;
    const verdict = at === 0 ? '' : `   ${against}   ${passed ? 'PASS' : 'MISSED'}`;
    console.log(`  ${names[at].padEnd(26)} median ${median(each).toFixed(3).padStart(9)} ms${verdict}`);
  }
}

for (const set of SETS) {
  const gateway = await gatewayWith(set.auth);
  try {
    const socket = await connectionTo(gateway.port);
    report(set, await sampled(set, socket));
    socket.destroy();
  } finally {
    await gateway.close();
  }
}
console.log(`\nmedians within ${100 * WITHIN} %: ${missed === 0 ? 'PASS' : `MISSED ${missed}`}`);
process.exitCode = missed === 0 ? 0 : 1;
