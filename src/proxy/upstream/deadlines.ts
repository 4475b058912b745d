/** The timers of one request on its way: to connect, to the head of an answer, of one attempt and of all, between bytes. */
import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { PlannedUpstream } from '../../config/plan-types.js';

export interface ExchangeLimits {
  /** Of one attempt, to its response head, and between two bytes of it. */
  readonly readMs: number;
  /** While the upstream takes nothing of a body. */
  readonly writeMs: number;
  /** While an event stream is silent; 0: for ever. */
  readonly silenceMs: number;
}

export function limitsOf(planned: PlannedUpstream, timeoutMs: number): ExchangeLimits {
  const { readTimeoutMs = timeoutMs, writeTimeoutMs = timeoutMs, silenceTimeoutMs = 0 } = planned;
  return {
    readMs: Math.min(readTimeoutMs, timeoutMs),
    writeMs: Math.min(writeTimeoutMs, timeoutMs),
    silenceMs: silenceTimeoutMs,
  };
}

export type Late = 'connect' | 'response head' | 'idle';

export interface DeadlinesParts {
  /** To the response head; over all attempts where there may be several. */
  readonly totalMs: number;
  readonly readMs: number;
  /** There may be several attempts: the deadline of all of them never stands still. */
  readonly several: boolean;
  readonly late: (what: Late) => void;
}

const connectedSockets = new WeakSet<Socket>();

/** One timer does for most requests: each costs as much as a part of the proxying. */
export class Deadlines {
  /** To the head, then between two bytes. */
  #timer: NodeJS.Timeout;
  readonly #timerMs: number;
  /** Whether it counts at this moment. */
  #waiting = true;
  /** Whether it ended while it did not count. */
  #missed = false;
  #late: Late = 'response head';
  #connect: NodeJS.Timeout | undefined;
  #attempt: NodeJS.Timeout | undefined;
  #backoff: NodeJS.Timeout | undefined;

  constructor(private readonly parts: DeadlinesParts) {
    const { several, totalMs, readMs } = parts;
    // Before a socket is free and after the request is written; in between only idleness counts, uploads have no total.
    this.#timerMs = several ? totalMs : readMs;
    this.#timer = this.#start(this.#timerMs);
  }

  /** There is a socket; `written`: and all of the request goes out at once. */
  attached(written: boolean): void {
    const { several, totalMs, readMs, late } = this.parts;
    if (several) {
      clearTimeout(this.#attempt);
      if (readMs < totalMs) this.#attempt = setTimeout(() => late('response head'), readMs);
    } else if (written) this.#timer.refresh();
    else this.#waiting = false;
  }

  /** The socket is none that lay idle: a new one, or one that another request has just left to this. */
  connecting(request: ClientRequest, limitMs: number, connected: () => void): void {
    const socket = request.socket as TLSSocket | null;
    if (!socket) return;
    // Node calls a socket reused only where it lay idle: one that was waited for connects no second time.
    if (connectedSockets.has(socket)) {
      connected();
      return;
    }
    const timer = setTimeout(() => this.parts.late('connect'), Math.min(limitMs, this.parts.totalMs));
    this.#connect = timer;
    // The socket outlives the request in its pool, and would keep the request until then.
    socket.once(socket.encrypted ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      connectedSockets.add(socket);
      connected();
    });
  }

  /** The request is written whole: the answer is the upstream's to give. */
  written(): void {
    if (this.parts.several) return;
    this.#waiting = true;
    this.#timer.refresh();
  }

  /** The head is there and its body is awaited: the first byte has as long as the head had, and another attempt may follow. */
  headed(): void {
    const { several, readMs, late } = this.parts;
    clearTimeout(this.#connect);
    if (several) {
      this.#waiting = false;
      clearTimeout(this.#attempt);
      this.#attempt = setTimeout(() => late('response head'), readMs);
    } else if (this.#waiting) this.#timer.refresh();
  }

  /** The head is there, with what it waited for. From now on silence for so long is late; 0: never. */
  answered(silenceMs: number): void {
    clearTimeout(this.#connect);
    clearTimeout(this.#attempt);
    this.#waiting = true;
    this.#late = 'idle';
    if (silenceMs === this.#timerMs) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    if (silenceMs > 0) this.#timer = this.#start(silenceMs);
  }

  /** Bytes of the answer came, or the client is not ready for more. */
  moved(): void {
    this.#timer.refresh();
  }

  /** An attempt has failed; the next begins after a while. */
  again(waitMs: number, next: () => void): void {
    clearTimeout(this.#connect);
    clearTimeout(this.#attempt);
    this.#waiting = true;
    if (this.#missed) this.parts.late('response head');
    else this.#backoff = setTimeout(next, waitMs);
  }

  #start(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      if (this.#waiting) this.parts.late(this.#late);
      else this.#missed = true;
    }, ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#connect);
    clearTimeout(this.#attempt);
    clearTimeout(this.#backoff);
  }
}
