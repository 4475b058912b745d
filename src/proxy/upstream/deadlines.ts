/** Keeps the timers of one request: connect, response head per attempt and in total, and time between bytes. */
import type { PlannedUpstream } from '../../config/plan-types.js';

export interface ExchangeLimits {
  /** The limit of one attempt to its response head, and between two bytes of the response. */
  readonly readMs: number;
  /** The limit while the upstream accepts no bytes of a request body. */
  readonly writeMs: number;
  /** The limit while an event stream is silent. 0: no limit. */
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
  /** The limit to the response head, over all attempts if several are possible. */
  readonly totalMs: number;
  readonly readMs: number;
  /** Several attempts are possible, so their common deadline never pauses. */
  readonly several: boolean;
  readonly owner: DeadlinesOwner;
}

export interface DeadlinesOwner {
  late(what: Late): void;
}

/** One timer is enough for most requests. Each extra timer has a measurable cost. */
export class Deadlines {
  /** Runs to the response head, then between two bytes. */
  #timer: NodeJS.Timeout;
  readonly #timerMs: number;
  /** Whether the timer counts now. */
  #waiting = true;
  /** Whether the timer expired while it did not count. */
  #missed = false;
  #late: Late = 'response head';
  #connect: NodeJS.Timeout | undefined;
  #attempt: NodeJS.Timeout | undefined;
  #backoff: NodeJS.Timeout | undefined;

  constructor(private readonly parts: DeadlinesParts) {
    const { several, totalMs, readMs } = parts;
    // The timer counts before a socket is free and after the request is written. In between only idleness counts,
    // because uploads have no total limit.
    this.#timerMs = several ? totalMs : readMs;
    this.#timer = this.#start(this.#timerMs);
  }

  /** The request has a connection, or one is being opened. */
  attached(): void {
    const { several, totalMs, readMs, owner } = this.parts;
    if (several) {
      clearTimeout(this.#attempt);
      if (readMs < totalMs) this.#attempt = setTimeout(() => owner.late('response head'), readMs);
    } else this.#waiting = false;
  }

  /** A connection is being opened. */
  connecting(limitMs: number): void {
    this.#connect = setTimeout(() => this.parts.owner.late('connect'), Math.min(limitMs, this.parts.totalMs));
  }

  connected(): void {
    clearTimeout(this.#connect);
  }

  /** The request is written completely, so the upstream must now respond. */
  written(): void {
    if (this.parts.several) return;
    this.#waiting = true;
    this.#timer.refresh();
  }

  /**
   * The head has arrived and its body is awaited. The first byte has the same limit as the head, and another attempt
   * may follow.
   */
  headed(): void {
    const { several, readMs, owner } = this.parts;
    clearTimeout(this.#connect);
    if (several) {
      this.#waiting = false;
      clearTimeout(this.#attempt);
      this.#attempt = setTimeout(() => owner.late('response head'), readMs);
    } else if (this.#waiting) this.#timer.refresh();
  }

  /** The response has begun. From now on silence of this length is late. 0: no limit. */
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

  /** Bytes of the response arrived, or the client is not ready for more. */
  moved(): void {
    this.#timer.refresh();
  }

  /** An attempt has failed. The next attempt starts after the given delay. */
  again(waitMs: number, next: () => void): void {
    clearTimeout(this.#connect);
    clearTimeout(this.#attempt);
    this.#waiting = true;
    if (this.#missed) this.parts.owner.late('response head');
    else this.#backoff = setTimeout(next, waitMs);
  }

  #start(ms: number): NodeJS.Timeout {
    return setTimeout(expire, ms, this);
  }

  expire(): void {
    if (this.#waiting) this.parts.owner.late(this.#late);
    else this.#missed = true;
  }

  clear(): void {
    clearTimeout(this.#timer);
    if (this.#connect) clearTimeout(this.#connect);
    if (this.#attempt) clearTimeout(this.#attempt);
    if (this.#backoff) clearTimeout(this.#backoff);
  }
}

/** One function for all requests: the deadlines are the argument of the timer. */
function expire(deadlines: Deadlines): void {
  deadlines.expire();
}
