/** Medians, tables and the line that holds a measured value to its target. */

export const sorted = (values) => [...values].sort((a, b) => a - b);

export function quantile(values, part) {
  const ordered = sorted(values);
  return ordered[Math.min(ordered.length - 1, Math.floor(part * ordered.length))];
}

export const median = (values) => quantile(values, 0.5);

/** Columns as wide as their widest cell, numbers to the right. */
export function table(rows) {
  const widths = rows[0].map((_cell, at) => Math.max(...rows.map((row) => String(row[at]).length)));
  for (const row of rows) {
    const cells = row.map((cell, at) => String(cell)[at === 0 ? 'padEnd' : 'padStart'](widths[at]));
    console.log(cells.join('  ').trimEnd());
  }
}

const missed = [];
const undecided = [];

/**
 * The median of a sample and its 95 % confidence interval, by order statistics: they assume nothing of the distribution.
 * A sample of fewer than six has no such interval, so its whole range counts.
 */
export function estimate(values) {
  const ordered = sorted(values);
  const last = ordered.length - 1;
  const rank = Math.max(0, rankOf(ordered.length));
  return { median: median(values), low: ordered[rank], high: ordered[last - rank] };
}

/** The greatest rank from both ends whose interval still covers the median in 95 % of the samples. */
function rankOf(count) {
  let chance = 0.5 ** count;
  let below = chance;
  let rank = -1;
  while (below <= 0.025) {
    rank += 1;
    chance *= (count - rank) / (rank + 1);
    below += chance;
  }
  return rank;
}

/** PASS or MISSED if the whole interval is on one side of the limit. Otherwise the run does not decide. */
export function judged(what, values, { limit, unit = '' }) {
  const { median: middle, low, high } = estimate(values);
  const verdict = high <= limit ? 'PASS' : low > limit ? 'MISSED' : 'UNDECIDED';
  if (verdict === 'MISSED') missed.push(what);
  if (verdict === 'UNDECIDED') undecided.push(what);
  const text = (value) => `${value.toFixed(Math.abs(value) < 10 ? 2 : 0)}${unit}`;
  const measured = `${text(middle)} (${text(low)} to ${text(high)})`;
  console.log(`${verdict.padEnd(9)} ${what}: ${measured}, target: at most ${limit}${unit}`);
  return { what, measured, limit: `${limit}${unit}`, verdict };
}

/** Prints PASS or MISSED; `limit` is what the measured value must not exceed. */
export function target(what, measured, limit, unit = '') {
  const held = measured <= limit;
  if (!held) missed.push(what);
  const value = `${measured.toFixed(measured < 10 ? 2 : 0)}${unit}`;
  console.log(`${held ? 'PASS  ' : 'MISSED'}  ${what}: ${value} (target: at most ${limit}${unit})`);
}

/** The last line of a bench. */
export function summary() {
  if (undecided.length > 0) console.log(`\n${undecided.length} undecided: ${undecided.join('; ')}`);
  console.log(missed.length === 0 ? '\nno target missed' : `\n${missed.length} missed: ${missed.join('; ')}`);
}

/** A count or a time that the environment may say otherwise. */
export function setting(name, usual) {
  return Number(process.env[name] ?? usual);
}
