/** Requests per second and latency of the gateway, beside the bare backend: `npm run bench`. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 5);
const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 32);
const KEY = 'sk_bench_0123456789';

const backend = createServer((_req, res) => res.end('ok'));
backend.listen(0, '127.0.0.1');
await once(backend, 'listening');
const backendPort = backend.address().port;
const gatewayPort = await freePort();
const directory = mkdtempSync(join(tmpdir(), 'loom-bench-'));
const file = join(directory, 'loom.yaml');
writeFileSync(file, loomFile());
const gateway = startGateway();

try {
  await answering();
  report('backend alone', await load(backendPort, {}));
  report('public route', await load(gatewayPort, { path: '/public/x' }));
  report('api_key route', await load(gatewayPort, { path: '/keys/x', headers: { 'x-api-key': KEY } }));
  report('api_key refused', await load(gatewayPort, { path: '/keys/x', headers: { 'x-api-key': 'no' }, status: 401 }));
} finally {
  gateway.kill('SIGTERM');
  backend.close();
  backend.closeAllConnections();
  rmSync(directory, { recursive: true, force: true });
}

function loomFile() {
  const hash = createHash('sha256').update(KEY).digest('hex');
  return `
listeners: [{ name: http, address: "127.0.0.1:${gatewayPort}", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key_hash: "sha256:${hash}", name: bench }] } } }
routes:
  - { id: public, path: /public/*, upstream: backend, auth: none }
  - { id: keys, path: /keys/*, upstream: backend, auth: { api_key: true } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${backendPort}"] }]
`;
}

function startGateway() {
  const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const child = spawn(process.execPath, [cli, 'serve', '--insecure-node', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  child.on('exit', (code) => code && console.error(errors));
  return child;
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
}

async function answering() {
  for (let tries = 0; tries < 100; tries += 1) {
    const reply = await fetch(`http://127.0.0.1:${gatewayPort}/public/x`).catch(() => undefined);
    if (reply?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the gateway did not start');
}

async function load(port, { path = '/', headers = {}, status = 200 }) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const times = [];
  const end = performance.now() + SECONDS * 1000;
  const one = () =>
    new Promise((resolve, reject) => {
      const started = performance.now();
      get({ host: '127.0.0.1', port, path, headers, agent }, (res) => {
        if (res.statusCode !== status) reject(new Error(`${path} answered ${res.statusCode}`));
        res.resume().on('end', () => resolve(times.push(performance.now() - started)));
      }).on('error', reject);
    });
  const loop = async () => {
    while (performance.now() < end) await one();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, loop));
  agent.destroy();
  return times.sort((a, b) => a - b);
}

function report(name, times) {
  const at = (part) => times[Math.floor(part * (times.length - 1))].toFixed(2);
  console.log(
    `${name.padEnd(16)} ${String(Math.round(times.length / SECONDS)).padStart(7)} req/s   p50 ${at(0.5)} ms   p99 ${at(0.99)} ms`,
  );
}
