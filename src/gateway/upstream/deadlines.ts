/** The timers of one request on its way: to connect, to the head of an answer, of one attempt and of all. */
import type { ClientRequest } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { UpstreamTimeout } from '../failure.js';

export interface ExchangeLimits {
  /** Of one attempt, to its response head, and between two bytes of it. */
  readonly readMs: number;
  /** While the upstream takes nothing of a body. */
  readonly writeMs: number;
  /** While an event stream is silent; 0: for ever. */
  readonly silenceMs: number;
}

export interface DeadlinesParts {
  /** To the response head; over all attempts where there may be several. */
  readonly totalMs: number;
  /** To the response head of one attempt. */
  readonly attemptMs: number;
  /** There may be several attempts: the deadline of all of them never stands still. */
  readonly several: boolean;
  readonly late: (error: UpstreamTimeout) => void;
}

export class Deadlines {
  readonly #head: NodeJS.Timeout;
  /** Whether the deadline of the response head counts at this moment. */
  #waiting = true;
  #connect: NodeJS.Timeout | undefined;
  #attempt: NodeJS.Timeout | undefined;
  #backoff: NodeJS.Timeout | undefined;

  constructor(private readonly parts: DeadlinesParts) {
    const { several, totalMs, attemptMs } = parts;
    // Before a socket is free and after the request is written; in between only idleness counts, uploads have no total.
    this.#head = setTimeout(() => this.#waiting && this.#late('response head'), several ? totalMs : attemptMs);
  }

  /** There is a socket to write to. */
  attached(): void {
    const { several, totalMs, attemptMs } = this.parts;
    this.#waiting = several;
    clearTimeout(this.#attempt);
    if (several && attemptMs < totalMs) this.#attempt = setTimeout(() => this.#late('response head'), attemptMs);
  }

  /** The socket is a new one. */
  connecting(request: ClientRequest, limitMs: number, connected: () => void): void {
    const socket = request.socket as TLSSocket | null;
    if (!socket) return;
    const timer = setTimeout(() => this.#late('connect'), Math.min(limitMs, this.parts.totalMs));
    this.#connect = timer;
    socket.once(socket.encrypted ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      connected();
    });
  }

  /** The request is written whole: the answer is the upstream's to give. */
  written(): void {
    if (this.parts.several) return;
    this.#waiting = true;
    this.#head.refresh();
  }

  /** An attempt has failed; the next begins after a while. */
  again(waitMs: number, next: () => void): void {
    clearTimeout(this.#connect);
    clearTimeout(this.#attempt);
    this.#backoff = setTimeout(next, waitMs);
  }

  clear(): void {
    clearTimeout(this.#head);
    clearTimeout(this.#connect);
    clearTimeout(this.#attempt);
    clearTimeout(this.#backoff);
  }

  #late(what: string): void {
    this.parts.late(new UpstreamTimeout(what));
  }
}
