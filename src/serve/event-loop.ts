/** Measures how late the event loop is: the time that a request waits for the processor. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { EventLoopStatus } from '../admin/process-status.js';

/** A timer of this interval is measured, so the interval is a part of each value. */
const RESOLUTION_MS = 10;
const WINDOW_MS = 60_000;
const NS_PER_MS = 1e6;

export class EventLoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  /** Of the last whole window, so that a late turn does not vanish at once. */
  #last: EventLoopStatus | undefined;

  constructor() {
    this.#histogram.enable();
    this.#timer = setInterval(() => {
      this.#last = this.#measured();
      this.#histogram.reset();
    }, WINDOW_MS).unref();
  }

  /** The delay of the last one to two minutes. Undefined before the first measurement. */
  status(): EventLoopStatus | undefined {
    const now = this.#measured();
    const last = this.#last;
    if (!now || !last) return now ?? last;
    return { meanMs: now.meanMs, p99Ms: Math.max(now.p99Ms, last.p99Ms), maxMs: Math.max(now.maxMs, last.maxMs) };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #measured(): EventLoopStatus | undefined {
    const { count, mean, max } = this.#histogram;
    if (count === 0) return undefined;
    const p99 = this.#histogram.percentile(99);
    return { meanMs: delayOf(mean), p99Ms: delayOf(p99), maxMs: delayOf(max) };
  }
}

/** In milliseconds, to a hundredth. */
function delayOf(nanoseconds: number): number {
  return Math.max(0, Math.round((nanoseconds / NS_PER_MS - RESOLUTION_MS) * 100) / 100);
}
