/** The program of a plugin's thread. It runs one instance, and reports in shared memory while the module runs. */
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { LIMITS, Status } from './abi.js';
import {
  clock,
  isAfter,
  WAKE,
  WORD,
  type Numbered,
  type FromThread,
  type StoreAnswer,
  type StoreQuestion,
  type ThreadData,
  type ToThread,
} from './channel.js';
import type { PluginDecision } from './decision.js';
import { decisionFrame, FramedRequest } from './frames.js';
import { runRequest } from './run-request.js';
import { VmSupervisor, type VmEnvironment } from './vm-supervisor.js';
import { PluginMetrics } from './metrics.js';
import { RingReader, RingWriter, type Frame } from './ring.js';

const { module, facts, options, words, port, store, ...memory } = workerData as ThreadData;
const shared = new Int32Array(words);
const requests = new RingReader(memory.requests);
const decisions = new RingWriter(memory.decisions);
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
/** When the oldest decision that the gateway may not know of was written. */
let unreadSince: number | undefined;
let isReading = false;
/** Whether the module is on the stack. */
let isRunning = false;

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
    send({ kind: 'call', call });
    // After the message: without stack left it throws, and no answer would lower the number again.
    openCalls += 1;
    return true;
  },
  // The store notifies every thread that has registered the queue.
  queued: () => undefined,
  running: (on) => {
    isRunning = on;
    if (on) Atomics.store(shared, WORD.waited, 0);
    Atomics.add(shared, WORD.turn, 1);
    if (!on && !isReading && unreadSince !== undefined) wakeGateway();
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
/** The longest that a written decision waits for the decisions after it, so that one message is enough for all. */
const LONGEST_DELAY_MS = 1;

/**
 * The module may have used up the stack. What throws before the frame is written leaves the request undecided, and
 * nothing after it may throw: the request would have two decisions. So the gateway is woken when the module has returned.
 */
function decide(id: number, decision: PluginDecision): void {
  const frame = decisionFrame(id, decision);
  const now = performance.now();
  if (!decisions.write(frame)) return send({ kind: 'decided', frame });
  unreadSince ??= now;
  if (!isReading && !isRunning) wakeGateway();
}

function wakeGateway(): void {
  unreadSince = undefined;
  if (Atomics.exchange(shared, WORD.gatewayWaits, 0) === 1) send(WAKE);
}

function begin(frame: Frame, body?: Uint8Array): void {
  const { id, numbers } = frame;
  const [until = 0] = numbers;
  Atomics.store(shared, WORD.begun, id);
  if (isAfter(clock(), until)) return decide(id, LATE);
  const framed = new FramedRequest(frame, body);
  Atomics.store(shared, WORD.running, id);
  let decided = false;
  const abandon = runRequest(supervisor, { request: framed, pauseTimeoutMs: options.pauseTimeoutMs }, (decision) => {
    decided = true;
    abandons.delete(id);
    decide(id, decision);
  });
  Atomics.store(shared, WORD.running, 0);
  if (!decided) abandons.set(id, abandon);
}

/** Begins the requests that were written until now. Later ones wait for the next turn. */
function read(): void {
  isReading = true;
  for (const frame of requests.take()) {
    if (unreadSince !== undefined && performance.now() - unreadSince > LONGEST_DELAY_MS) wakeGateway();
    begin(frame);
  }
  isReading = false;
  if (unreadSince !== undefined) wakeGateway();
}

/** Reads until the gateway knows that it must send a message. */
function readTurn(): void {
  read();
  if (requests.isEmpty) {
    Atomics.store(shared, WORD.threadWaits, 1);
    if (requests.isEmpty || Atomics.exchange(shared, WORD.threadWaits, 0) === 0) return;
  }
  setImmediate(readTurn);
}

port.on('message', (message: ToThread) => {
  if (message === WAKE) return readTurn();
  // Frames were written before a message that was sent after them.
  read();
  switch (message.kind) {
    case 'begin':
      begin(message.frame, message.body);
      Atomics.add(shared, WORD.messages, 1);
      return;
    case 'abandon':
      return abandons.get(message.id)?.();
    case 'queued':
      return supervisor.queueReady(message.token);
    case 'answer':
      openCalls -= 1;
      supervisor.answerCall(message.token, message.response);
  }
});
