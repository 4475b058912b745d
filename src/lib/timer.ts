/** Timers at any distance. */
import type { Now } from './types.js';

/** `setTimeout` fires at once for delays above 2^31-1 ms. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls back at `atMs`, and does not keep the process alive. Returns the function that cancels. */
export function callAt(atMs: number, now: Now, done: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = atMs - now();
    timer = setTimeout(() => (atMs - now() > 0 ? arm() : done()), Math.max(0, Math.min(left, LONGEST_TIMER_MS)));
    timer.unref();
  };
  arm();
  return () => clearTimeout(timer);
}
