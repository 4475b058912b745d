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

/** Prints PASS or MISSED; `limit` is what the measured value must not exceed. */
export function target(what, measured, limit, unit = '') {
  const held = measured <= limit;
  if (!held) missed.push(what);
  const value = `${measured.toFixed(measured < 10 ? 2 : 0)}${unit}`;
  console.log(`${held ? 'PASS  ' : 'MISSED'}  ${what}: ${value} (target: at most ${limit}${unit})`);
}

/** The last line of a bench. */
export function summary() {
  console.log(missed.length === 0 ? '\nall targets held' : `\n${missed.length} missed: ${missed.join('; ')}`);
}

/** A count or a time that the environment may say otherwise. */
export function setting(name, usual) {
  return Number(process.env[name] ?? usual);
}
