/** Starts one contender as a process on a core of its own, and reads what it has cost: CPU time and memory. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const ours = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));
/** The Node that the package asks for, where npm runs on another. */
export const NODE = existsSync(ours) ? ours : process.execPath;

/** What is measured. `BENCH_DIST` names another build. */
export const DIST = new URL(process.env.BENCH_DIST ?? '../../dist/', import.meta.url);
export const CLI = fileURLToPath(new URL('cli/main.js', DIST));

/** The contender has the first core for itself; load and backend share the others. */
const cores = availableParallelism();
export const canPin = cores > 1 && spawnSync('taskset', ['-V']).error === undefined;
const MEASURED = '0';
const BESIDE = cores > 2 ? `1-${cores - 1}` : '1';

export function onMeasuredCore(command) {
  return canPin ? ['taskset', '-c', MEASURED, ...command] : command;
}

export function besideIt(command) {
  return canPin ? ['taskset', '-c', BESIDE, ...command] : command;
}

/** Starts a command that listens on a port; waits until it does. */
export async function start([program, ...args], { port, env = {}, output }) {
  const sink = output === undefined ? 'ignore' : openSync(output, 'w');
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', sink, 'pipe'] });
  let errors = '';
  let ended = false;
  child.stderr.on('data', (text) => (errors = (errors + text).slice(-4_000)));
  child.on('error', (error) => (errors += error.message));
  const end = new Promise((resolve) => child.on('close', resolve)).then(() => (ended = true));
  while (!(await accepts(port))) {
    if (ended) throw new Error(`${[program, ...args].join(' ')} ended:\n${errors}`);
    await sleep(50);
  }
  return {
    port,
    pid: child.pid,
    errors: () => errors,
    cpuMs: () => cpuMs(child.pid),
    residentMb: () => residentMb(child.pid),
    stop: async () => {
      child.kill('SIGKILL');
      await end;
    },
  };
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

const TICK_MS = 1_000 / Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout || 100);

/** User and system time of all threads, those that have ended included. */
function cpuMs(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function residentMb(pid) {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
}
