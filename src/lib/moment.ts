/** Measures how long ago something was, by two clocks. */
import type { Now } from './types.js';

/** A time by the wall clock, and by the clock of the process, which is never set. */
export interface Moment {
  readonly wallMs: number;
  readonly steadyMs: number;
}

export function momentOf(now: Now): Moment {
  return { wallMs: now(), steadyMs: performance.now() };
}

/**
 * The greater age of both clocks, in milliseconds: a wall clock that was set back makes nothing younger, and the other
 * clock stops while a machine sleeps. Infinity if the moment is in the future of the wall clock.
 */
export function ageOf({ wallMs, steadyMs }: Moment, now: Now): number {
  const age = now() - wallMs;
  return age < 0 ? Infinity : Math.max(age, performance.now() - steadyMs);
}
