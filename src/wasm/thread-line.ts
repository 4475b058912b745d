/**
 * The gateway's end of the line to a plugin's thread: the requests that the thread has, and their decisions. Frames are in
 * shared memory. Messages carry everything else.
 */
import { MessageChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import {
  clock,
  isAfter,
  RING_BYTES,
  WAKE,
  WORD,
  WORDS,
  type FromThread,
  type ThreadData,
  type ToThread,
} from './channel.js';
import type { PluginDecision, PluginFault, PluginRequest } from './decision.js';
import { decisionOf, requestFrame } from './frames.js';
import { RingError, ringMemory, RingReader, RingWriter, type Frame } from './ring.js';
import type { Settle } from './stream.js';

/** A request that waits for a decision. */
export class Pending {
  /** The thread that has the request, and its id there. */
  line: ThreadLine | undefined;
  id = 0;
  #settle: Settle | undefined;
  #request: PluginRequest | undefined;

  constructor(request: PluginRequest, settle: Settle) {
    this.#request = request;
    this.#settle = settle;
  }

  get request(): PluginRequest | undefined {
    return this.#request;
  }

  /**
   * The first decision counts. A map that shrinks keeps its old entries until the next major collection, so a settled
   * request must be small.
   */
  settle(decision: PluginDecision): void {
    const settle = this.#settle;
    this.#settle = this.#request = this.line = undefined;
    settle?.(decision);
  }

  /** Informs the thread that the decision is no longer needed. */
  abandon(): void {
    this.line?.say({ kind: 'abandon', id: this.id });
  }
}

/** Milliseconds until a new thread starts, or a busy thread becomes free. */
export const LONGEST_WAIT_MS = 5_000;

const STOPPED: PluginDecision = { kind: 'fault', fault: 'unavailable', detail: 'another request stopped the plugin' };

/** Receives what the thread sends, apart from decisions. */
export interface LineOwner {
  received(message: Exclude<FromThread, typeof WAKE | { kind: 'decided' }>): void;
  /** The thread has sent something that it cannot have made correctly. It must be ended. */
  broken(cause: Error): void;
}

export class ThreadLine {
  readonly words: Int32Array;
  readonly port: MessagePort;
  /** The thread's end. The port must be transferred. */
  readonly ends: Pick<ThreadData, 'words' | 'requests' | 'decisions' | 'port'>;
  readonly #requests: RingWriter;
  readonly #decisions: RingReader;
  readonly #pending = new Map<number, Pending>();
  /** When each request was sent, the oldest first, until its answer. */
  readonly #sentAt = new Map<number, number>();
  #lastId = 0;
  /** Requests sent as messages. */
  #messages = 0;
  #isBroken = false;
  /** Requests of one turn of the event loop share one message. */
  #isWaking = false;

  constructor(private readonly owner: LineOwner) {
    const words = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT);
    const [requests, decisions] = [ringMemory(RING_BYTES.requests), ringMemory(RING_BYTES.decisions)];
    this.words = new Int32Array(words);
    this.words[WORD.store] = this.words[WORD.threadWaits] = this.words[WORD.gatewayWaits] = 1;
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.ends = { words, requests, decisions, port: port2 };
    this.#requests = new RingWriter(requests);
    this.#decisions = new RingReader(decisions);
    this.port.on('message', (message: FromThread) => this.#guarded(() => this.#receive(message)));
  }

  /** The number of requests that the thread has. */
  get load(): number {
    return this.#pending.size;
  }

  /** Requests reach the thread in the order of their ids. */
  begin(pending: Pending): void {
    const id = (this.#lastId = (this.#lastId + 1) | 0);
    this.#pending.set(id, pending);
    this.#sentAt.set(id, performance.now());
    pending.line = this;
    pending.id = id;
    const { request } = pending;
    if (request) this.#guarded(() => this.#send(id, request));
  }

  say(message: ToThread): void {
    this.port.postMessage(message);
  }

  /** Reads decisions whose message is late, because the plugin still runs for another request. */
  read(): void {
    if (this.load > 0) this.#guarded(() => this.#read());
  }

  /** Receives everything that the thread has sent. */
  drain(): void {
    this.#guarded(() => {
      for (;;) {
        const received: { readonly message?: unknown } | undefined = receiveMessageOnPort(this.port);
        if (!received) return this.#read();
        this.#receive(received.message as FromThread);
      }
    });
  }

  /** Answers each request even if the thread is busy. The request counts as load until the thread has finished it. */
  refuseLate(now: number, longestMs: number): void {
    for (const [id, since] of this.#sentAt) {
      if (now - since < longestMs) return;
      this.#sentAt.delete(id);
      const detail = 'the thread of the plugin is busy';
      this.#pending.get(id)?.settle({ kind: 'fault', fault: 'overloaded', detail });
    }
  }

  /**
   * Answers the request that runs with a fault, and other begun requests too. Returns the requests that the thread has
   * not begun.
   */
  stop(fault: PluginFault, detail: string): readonly Pending[] {
    const begun = Atomics.load(this.words, WORD.begun);
    const running = Atomics.load(this.words, WORD.running);
    const left = [...this.#pending].filter(([id]) => this.#sentAt.has(id));
    this.#pending.clear();
    this.#sentAt.clear();
    const rest: Pending[] = [];
    for (const [id, pending] of left) {
      if (isAfter(id, begun)) rest.push(pending);
      else pending.settle(id === running ? { kind: 'fault', fault, detail } : STOPPED);
    }
    return rest;
  }

  /** A frame must not overtake a message. */
  #send(id: number, request: PluginRequest): void {
    const frame = requestFrame(id, (clock() + LONGEST_WAIT_MS) | 0, request);
    const { body } = request;
    const isInOrder = Atomics.load(this.words, WORD.messages) === this.#messages;
    if (isInOrder && body === undefined && this.#requests.write(frame)) {
      if (!this.#isWaking) setImmediate(() => this.#wake());
      this.#isWaking = true;
    } else {
      this.#messages = (this.#messages + 1) | 0;
      this.say({ kind: 'begin', frame, body });
    }
  }

  #wake(): void {
    this.#isWaking = false;
    if (Atomics.exchange(this.words, WORD.threadWaits, 0) === 1) this.say(WAKE);
  }

  #receive(message: FromThread): void {
    if (message === WAKE) this.#read();
    else if (message.kind === 'decided') this.#decide(message.frame);
    else this.owner.received(message);
  }

  #read(): void {
    do {
      for (const frame of this.#decisions.take()) this.#decide(frame);
      Atomics.store(this.words, WORD.gatewayWaits, 1);
    } while (!this.#decisions.isEmpty);
  }

  /** @throws RingError if the thread has no request with this id: it must not answer for another one */
  #decide(frame: Frame): void {
    const pending = this.#pending.get(frame.id);
    if (!pending) throw new RingError(`a decision for the request ${frame.id}`);
    const decision = decisionOf(frame);
    this.#pending.delete(frame.id);
    this.#sentAt.delete(frame.id);
    pending.settle(decision);
  }

  #guarded(act: () => void): void {
    if (this.#isBroken) return;
    try {
      act();
    } catch (cause) {
      this.#isBroken = true;
      this.owner.broken(cause as Error);
    }
  }
}
