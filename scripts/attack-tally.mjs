/** Which rows of `__tests__/attacks/rows.json` the results of test runs hold. A row is held when its tests and its honest twin pass. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../__tests__/attacks', import.meta.url));
const { held, waiting } = JSON.parse(readFileSync(join(folder, 'rows.json'), 'utf8'));
/** The families of the catalogue: `UTF-16` is none. */
const FAMILIES = new Set(Object.keys({ ...held, ...waiting }).map((id) => id.split('-')[0]));
const ID = new RegExp(`\\b(?:${[...FAMILIES].join('|')})-\\d{2}\\b`, 'g');

/**
 * Counts the rows over the JSON results of both tiers.
 *
 * @param {readonly { name: string, assertionResults: readonly { ancestorTitles: string[], title: string, status: string }[] }[]} files
 * @returns {{ summary: string, wrong: readonly string[] }} One line to print, and one line for each fault.
 */
export function tallyAttacks(files) {
  const rows = new Map();
  const attacks = files.filter(({ name }) => name.startsWith(folder));
  for (const { ancestorTitles, title, status } of attacks.flatMap(({ assertionResults }) => assertionResults)) {
    if (status === 'passed' || status === 'failed') count(rows, [...ancestorTitles, title].join(' '), status);
  }
  const ids = Object.keys(held);
  const missing = ids.filter((id) => !isHeld(rows.get(id)));
  const unknown = [...rows.keys()].filter((id) => !(id in held));
  const wrong = [
    ...(missing.length > 0 ? [`attacks not held, or without a twin: ${missing.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`attacks tested that rows.json does not list as held: ${unknown.join(', ')}`] : []),
  ];
  const left = Object.keys(waiting).length;
  const rest = left === 0 ? 'none waiting' : `${left} waiting for ${reasons(waiting)}`;
  return { summary: `attacks: ${ids.length - missing.length} held, ${rest}`, wrong };
}

function count(rows, titles, status) {
  for (const id of new Set(titles.match(ID))) {
    const row = rows.get(id) ?? { passed: 0, failed: 0, twins: 0 };
    row[status] += 1;
    if (/\btwin\b/.test(titles)) row.twins += 1;
    rows.set(id, row);
  }
}

function isHeld(row) {
  return row !== undefined && row.failed === 0 && row.twins > 0 && row.passed > row.twins;
}

function reasons(rows) {
  const counts = new Map();
  for (const { for: reason } of Object.values(rows)) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, number]) => `${reason} (${number})`).join(', ');
}
