/** Load on a port: `wrk` where it is installed (it costs least of the cores), else a generator of our own. */
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { besideIt, NODE } from './contender.mjs';

/** `BENCH_WRK=0` takes ours in any case. */
export const hasWrk = process.env.BENCH_WRK !== '0' && spawnSync('wrk', ['-v']).error === undefined;

/** The bytes of a GET. */
export function request(path, headers = {}) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`GET ${path} HTTP/1.1`, 'Host: localhost', ...lines, '', ''].join('\r\n');
}

/** As many requests as are answered in a time; the count of the answers, all of them with the status or 2xx. */
export async function saturate({ port, path, headers, ms, connections, folder, status }) {
  const answered = hasWrk
    ? await wrk({ port, path, headers, ms, connections, status })
    : await ours({ port, ms, connections, requests: [request(path, headers)], folder, status });
  if (answered === 0) throw new Error(`nothing was answered on ${path}`);
  return answered;
}

async function ours({ status: expected, ...job }) {
  const { statuses, answered } = await generate(job);
  const isRight = (status) => (expected === undefined ? status.startsWith('2') : status === String(expected));
  const wrong = Object.keys(statuses).find((status) => !isRight(status));
  if (wrong !== undefined) throw new Error(`${job.requests[0].split('\r\n')[0]} was answered ${wrong}`);
  return answered;
}

async function wrk({ port, path, headers = {}, ms, connections, status }) {
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  // It counts in whole seconds.
  const duration = `${Math.max(1, Math.round(ms / 1_000))}s`;
  const url = `http://127.0.0.1:${port}${path}`;
  const text = await run(['wrk', '-t1', `-c${connections}`, `-d${duration}`, ...fields, url]);
  // It does not say which status. Whether the answer is right was checked before.
  if (/Socket errors/.test(text) || (status === undefined && text.includes('Non-2xx')))
    throw new Error(`${path}:\n${text}`);
  return Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
}

let jobs = 0;

/** Runs one job of `generator.mjs` in a process beside the measured core. */
export async function generate({ folder, ...job }) {
  const file = join(folder, `job-${++jobs}.json`);
  writeFileSync(file, JSON.stringify(job));
  return JSON.parse(await run([NODE, fileURLToPath(new URL('generator.mjs', import.meta.url)), file]));
}

function run(command) {
  const [program, ...args] = besideIt(command);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (piece) => (text += piece));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`${program} ended with ${code}`))));
  });
}
