/** A Jest reporter: which rows of `__tests__/attacks/rows.json` held, which wait, and for what. A row is held when its tests and its honest twin pass. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../__tests__/attacks', import.meta.url));
const { held, waiting } = JSON.parse(readFileSync(join(folder, 'rows.json'), 'utf8'));
/** The families of the catalogue: `UTF-16` is none. */
const FAMILIES = new Set(Object.keys({ ...held, ...waiting }).map((id) => id.split('-')[0]));
const ID = new RegExp(`\\b(?:${[...FAMILIES].join('|')})-\\d{2}\\b`, 'g');

export default class AttackTally {
  #ran = new Set();
  #rows = new Map();
  #wrong = [];

  onTestResult(test, { testResults }) {
    if (!test.path.startsWith(folder)) return;
    this.#ran.add(test.path);
    for (const { ancestorTitles, title, status } of testResults) {
      if (status !== 'passed' && status !== 'failed') continue;
      const titles = [...ancestorTitles, title].join(' ');
      for (const id of new Set(titles.match(ID))) {
        const row = this.#rows.get(id) ?? { passed: 0, failed: 0, twins: 0 };
        row[status] += 1;
        if (/\btwin\b/.test(titles)) row.twins += 1;
        this.#rows.set(id, row);
      }
    }
  }

  onRunComplete(_contexts, results) {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.test.ts'),
    );
    // A filtered run says nothing of the rows that it left out.
    if (files.length !== this.#ran.size || results.numPendingTests > 0) return;
    const ids = Object.keys(held);
    const isHeld = (id) => {
      const row = this.#rows.get(id);
      return row && row.failed === 0 && row.twins > 0 && row.passed > row.twins;
    };
    const missing = ids.filter((id) => !isHeld(id));
    const unknown = [...this.#rows.keys()].filter((id) => !(id in held));
    if (missing.length > 0) this.#wrong.push(`attacks not held, or without a twin: ${missing.join(', ')}`);
    if (unknown.length > 0)
      this.#wrong.push(`attacks tested that rows.json does not list as held: ${unknown.join(', ')}`);
    const count = Object.keys(waiting).length;
    const rest = count === 0 ? 'none waiting' : `${count} waiting for ${reasons(waiting)}`;
    console.log(`attacks: ${ids.length - missing.length} held, ${rest}`);
    for (const words of this.#wrong) console.log(words);
  }

  /** A row that is not held fails the run. */
  getLastError() {
    return this.#wrong.length > 0 ? new Error(this.#wrong.join('\n')) : undefined;
  }
}

function reasons(waiting) {
  const count = new Map();
  for (const { for: reason } of Object.values(waiting)) count.set(reason, (count.get(reason) ?? 0) + 1);
  return [...count].map(([reason, rows]) => `${reason} (${rows})`).join(', ');
}
