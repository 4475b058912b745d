/** The program of a plugin's thread. It runs one instance, and reports in shared memory while the module runs. */
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { LIMITS, Status } from './abi.js';
import {
  received,
  WORD,
  type Numbered,
  type FromThread,
  type StoreAnswer,
  type StoreQuestion,
  type ThreadData,
  type ToThread,
} from './channel.js';
import type { PluginDecision } from './decision.js';
import { runRequest } from './run-request.js';
import { VmSupervisor, type VmEnvironment } from './vm-supervisor.js';
import { PluginMetrics } from './metrics.js';

const { module, facts, options, words, port, store } = workerData as ThreadData;
const shared = new Int32Array(words);
const metrics = new PluginMetrics();
const abandons = new Map<number, () => void>();
const STORE_MS = 5_000;
const STATE_MS = 1_000;

const send = (message: FromThread): void => port.postMessage(message);

let lastQuestion = 0;

/** Blocks until the gateway has answered, because the gateway holds the state that all threads share. */
function ask(question: StoreQuestion): StoreAnswer {
  const since = performance.now();
  lastQuestion += 1;
  Atomics.store(shared, WORD.store, 0);
  store.postMessage({ ...question, serial: lastQuestion });
  const answer = waitFor(lastQuestion, since + STORE_MS);
  Atomics.store(shared, WORD.store, 1);
  Atomics.add(shared, WORD.waited, Math.round((performance.now() - since) * 1_000));
  if (!answer) throw new Error('the store of the plugin did not answer');
  return answer;
}

/** Discards an answer that came too late for an earlier question: it holds the value of another key. */
function waitFor(serial: number, until: number): StoreAnswer | undefined {
  for (let left = until - performance.now(); left > 0; left = until - performance.now()) {
    Atomics.wait(shared, WORD.store, 0, left);
    // Reset before reading, so that later messages wake the thread again.
    Atomics.store(shared, WORD.store, 0);
    for (let next = receiveMessageOnPort(store); next; next = receiveMessageOnPort(store)) {
      const answer = next.message as StoreAnswer & Numbered;
      if (answer.serial === serial) return answer;
    }
  }
  return undefined;
}

let openCalls = 0;

const environment: VmEnvironment = {
  metrics,
  shared: {
    get: (key) => {
      const { bytes, number } = ask({ op: 'get', key });
      return bytes && { value: Buffer.from(bytes), cas: number ?? 0 };
    },
    set: (key, value, cas) => (ask({ op: 'set', key, value, cas }).number ?? Status.InternalFailure) as Status,
  },
  queues: {
    register: (name) => ask({ op: 'register', name }).number ?? 0,
    resolve: (name) => ask({ op: 'resolve', name }).number,
    enqueue: (token, item) => (ask({ op: 'enqueue', token, item }).number ?? Status.InternalFailure) as Status,
    dequeue: (token) => {
      const { bytes, number } = ask({ op: 'dequeue', token });
      if (bytes) return Buffer.from(bytes);
      return number === Status.Empty ? Status.Empty : Status.NotFound;
    },
  },
  log: (level, said) => send({ kind: 'log', level, words: said }),
  call: (call) => {
    if (openCalls >= LIMITS.openCalls) return false;
    openCalls += 1;
    send({ kind: 'call', call });
    return true;
  },
  // The store notifies every thread that has registered the queue.
  queued: () => undefined,
  running: (on) => {
    if (on) Atomics.store(shared, WORD.waited, 0);
    Atomics.add(shared, WORD.turn, 1);
  },
  // The gateway measures the time.
  isOver: () => Atomics.load(shared, WORD.ending) === 1,
};

let lastState = '';
let supervisor: VmSupervisor;
try {
  supervisor = new VmSupervisor({ module, facts, options, timeoutMs: options.timeoutMs, environment });
  send({ kind: 'started' });
  sendState();
} catch (cause) {
  send({ kind: 'failed', message: cause instanceof Error ? cause.message : 'does not start' });
  port.close();
}

function sendState(): void {
  const { restarts, memoryBytes } = supervisor;
  const state: FromThread = { kind: 'state', restarts, memoryBytes, metrics: metrics.all };
  const text = [restarts, memoryBytes, ...metrics.all.map(({ value }) => value)].join();
  if (text !== lastState) send(state);
  lastState = text;
}

setInterval(sendState, STATE_MS).unref();

const LATE: PluginDecision = { kind: 'fault', fault: 'overloaded', detail: 'the thread of the plugin was busy' };

function begin({ id, until, request: asked }: Extract<ToThread, { kind: 'begin' }>): void {
  Atomics.store(shared, WORD.begun, id);
  if (Date.now() > until) return send({ kind: 'decided', id, decision: LATE });
  const request = received(asked);
  Atomics.store(shared, WORD.running, id);
  let decided = false;
  const abandon = runRequest(supervisor, { request, pauseTimeoutMs: options.pauseTimeoutMs }, (decision) => {
    decided = true;
    abandons.delete(id);
    send({ kind: 'decided', id, decision });
  });
  Atomics.store(shared, WORD.running, 0);
  if (!decided) abandons.set(id, abandon);
}

port.on('message', (message: ToThread) => {
  if (message.kind === 'begin') begin(message);
  else if (message.kind === 'abandon') abandons.get(message.id)?.();
  else if (message.kind === 'queued') supervisor.queueReady(message.token);
  else {
    openCalls -= 1;
    supervisor.answerCall(message.token, message.response);
  }
});
