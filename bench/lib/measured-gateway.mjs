/**
 * Our gateway in a process that counts what its requests cost: `node measured-gateway.mjs loom.yaml`. The parent sends
 * `begin` and `end` around the requests of one window, and receives the counts of the window.
 */
import { createHook } from 'node:async_hooks';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

const urls = new Set();
registerHooks({ load: (url, context, next) => (urls.add(url), next(url, context)) });

const dist = new URL(process.env.BENCH_DIST ?? '../../dist/', import.meta.url);
const { serve } = await import(new URL('index.js', dist));
await serve(process.argv[2], { watch: false });

/** The kinds of asynchronous work. Everything else is an event of a socket, which each request has as well. */
const KINDS = { PROMISE: 'promises', TickObject: 'ticks', Timeout: 'timers', Immediate: 'immediates' };
const counted = { promises: 0, ticks: 0, timers: 0, immediates: 0 };
const hook = createHook({
  init: (_id, type) => {
    const kind = KINDS[type];
    if (kind !== undefined) counted[kind] += 1;
  },
});

let before;

/** The young generation holds a whole window, so nothing is collected in between and the difference is exact. */
const allocated = () => {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
};

const acts = {
  // The hooks allocate, so a window counts either bytes or asynchronous work.
  begin: ({ what }) => {
    Object.keys(counted).forEach((kind) => (counted[kind] = 0));
    if (what === 'work') hook.enable();
    globalThis.gc();
    before = { cpu: process.cpuUsage(), bytes: allocated() };
    return {};
  },
  end: ({ what }) => {
    const bytes = allocated() - before.bytes;
    const cpu = process.cpuUsage(before.cpu);
    if (what === 'work') hook.disable();
    return { bytes, userUs: cpu.user, cpuUs: cpu.user + cpu.system, ...counted };
  },
  loaded: () => {
    const own = pathToFileURL(new URL('.', dist).pathname).href;
    const all = [...urls].filter((url) => url.startsWith('file:'));
    return { ours: all.filter((url) => url.startsWith(own)).length, all: all.length };
  },
};

process.on('message', (message) => process.send(acts[message.act](message)));
process.on('disconnect', () => process.exit(0));
process.send({ ready: true });
