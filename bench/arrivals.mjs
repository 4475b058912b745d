/**
 * New connections at once: `node bench/arrivals.mjs [connections] [ms]`, by default 200 for 6 s, each with one request
 * after another. Prints how long the first answers took, beside all answers, for plain Node and for the gateway.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { besideIt, CLI, NODE, onMeasuredCore, start } from './lib/contender.mjs';
import { quantile } from './lib/numbers.mjs';
import { freePorts } from './lib/ports.mjs';

const [connections = '200', ms = '6000'] = process.argv.slice(2);
const [backendPort, gatewayPort] = await freePorts(2);
const folder = mkdtempSync(join(tmpdir(), 'loom-arrivals-'));
const file = join(folder, 'loom.yaml');
writeFileSync(
  file,
  `
listeners: [{ name: main, address: "127.0.0.1:${gatewayPort}", protocol: http }]
routes: [{ id: all, path: /*, upstream: backend, auth: none }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${backendPort}"] }]
`,
);
const answering = `require('http').createServer((_, res) => res.end('in')).listen(${backendPort}, '127.0.0.1')`;
const backend = await start(besideIt([NODE, '-e', answering]), { port: backendPort });
const gateway = await start(onMeasuredCore([NODE, CLI, 'serve', file]), { port: gatewayPort });
for (const [name, port] of Object.entries({ 'plain Node': backendPort, gateway: gatewayPort })) {
  const { first, all } = await arrive(port);
  const at = (times) => [0.5, 0.99, 1].map((part) => `${quantile(times, part).toFixed(0)} ms`).join(' / ');
  console.log(`${name}: first answers (p50 / p99 / max) ${at(first)}, all ${all.length} answers ${at(all)}`);
}
await gateway.stop();
await backend.stop();
rmSync(folder, { recursive: true, force: true });

async function arrive(port) {
  const first = [];
  const all = [];
  const end = performance.now() + Number(ms);
  await Promise.all(Array.from({ length: Number(connections) }, () => client({ port, end, first, all })));
  return { first, all };
}

function client({ port, end, first, all }) {
  return new Promise((resolve, reject) => {
    let from = performance.now();
    let answered = false;
    let read = '';
    const socket = connect(port, '127.0.0.1').setEncoding('latin1').on('error', reject).on('close', resolve);
    const send = () => socket.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n');
    socket.once('connect', send);
    socket.on('data', (text) => {
      read += text;
      if (!/\r\n\r\n(in|2\r\nin\r\n0\r\n\r\n)$/.test(read)) return;
      read = '';
      const now = performance.now();
      all.push(now - from);
      if (!answered) first.push(now - from);
      answered = true;
      from = now;
      if (now > end) socket.destroy();
      else send();
    });
  });
}
