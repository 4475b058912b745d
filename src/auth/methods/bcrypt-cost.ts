/** Which bcrypt costs are accepted: each step of the cost doubles the time that one password takes. */

/** 2^10 rounds: below it, a stolen hash is guessed quickly. */
export const LOW_COST = 10;
/** 2^12 rounds take a fifth of a second here. */
const HIGH_COST = 12;
/** 2^14 rounds take a second: a few wrong passwords would keep every worker busy. */
export const HIGHEST_COST = 14;

export const TOO_COSTLY = `must have a cost of at most ${HIGHEST_COST}`;

/**
 * What to say about an accepted cost, or undefined.
 *
 * @example costWarning(13) // 'bcrypt cost 13 is high: …'
 */
export function costWarning(cost: number): string | undefined {
  if (cost < LOW_COST) return `bcrypt cost ${cost} is low; use at least ${LOW_COST}`;
  if (cost <= HIGH_COST) return undefined;
  return `bcrypt cost ${cost} is high: each wrong password keeps a worker busy for long; use at most ${HIGH_COST}`;
}
