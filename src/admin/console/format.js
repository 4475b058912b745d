/** Numbers, times and durations as text. */
// @ts-check

const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const NUMBER = new Intl.NumberFormat('en');

/** @param {number} value */
export const number = (value) => NUMBER.format(value);

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** @param {number} ms Unix milliseconds. */
export const clock = (ms) => TIME.format(ms);

/** ISO 8601 in UTC, as in the log. @param {number} ms */
export const instant = (ms) =>
  new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');

/** @param {number} ms Unix milliseconds. */
export const day = (ms) => new Date(ms).toISOString().slice(0, 10);

const UNITS = /** @type {const} */ ([
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
]);

/**
 * The largest unit of a duration, with the next unit where it matters: `2 d 3 h`, `45 s`, `12 ms`.
 *
 * @param {number} ms
 * @returns {string}
 */
export function duration(ms) {
  const at = UNITS.findIndex(([unit]) => Math.abs(ms) >= unit);
  if (at < 0) return ms !== 0 && Math.abs(ms) < 1 ? `${Math.round(ms * 1_000)} µs` : `${Math.round(ms)} ms`;
  const [unit, name] = UNITS[at] ?? [1, 'ms'];
  const whole = Math.trunc(ms / unit);
  const next = UNITS[at + 1];
  const rest = next && Math.abs(whole) < 10 ? Math.trunc(Math.abs(ms % unit) / next[0]) : 0;
  return rest > 0 && next ? `${whole} ${name} ${rest} ${next[1]}` : `${whole} ${name}`;
}

/** @param {number} bytes */
export function bytes(bytes) {
  return bytes < 1 << 20 ? `${Math.round(bytes / 1_024)} KiB` : `${Math.round(bytes / (1 << 20))} MiB`;
}

/**
 * A rate of a limit: `100/s`, `1,000/min, burst 2,000`.
 *
 * @param {{ readonly rate: number, readonly perMs: number, readonly burst: number, readonly fixed?: boolean }} rate
 */
export function rate({ rate: tokens, perMs, burst, fixed }) {
  const unit = UNITS.find(([ms]) => ms === perMs)?.[1] ?? duration(perMs);
  const words = `${number(tokens)}/${unit}`;
  return fixed || burst === tokens ? words : `${words}, burst ${number(burst)}`;
}
