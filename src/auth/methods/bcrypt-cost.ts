/** The accepted bcrypt costs; each step doubles the time of one password check. */

/** 2^10 rounds. A stolen hash with a lower cost is guessed quickly. */
export const LOW_COST = 10;
/** 2^12 rounds take a fifth of a second on a typical machine. */
const HIGH_COST = 12;
/** 2^14 rounds take a second. A few wrong passwords would keep every worker busy. */
export const HIGHEST_COST = 14;

export const TOO_COSTLY = `must have a cost of at most ${HIGHEST_COST}`;

/**
 * The warning for an accepted cost, or undefined.
 *
 * @example costWarning(13) // 'bcrypt cost 13 is high: …'
 */
export function costWarning(cost: number): string | undefined {
  if (cost < LOW_COST) return `bcrypt cost ${cost} is low; use at least ${LOW_COST}`;
  if (cost <= HIGH_COST) return undefined;
  return `bcrypt cost ${cost} is high: each wrong password keeps a worker busy for long; use at most ${HIGH_COST}`;
}
