/** The pages of the reference are those that the code makes, no more and no less. */
import { REASONS } from '../../src/auth/verdict.js';
import { commands } from '../../src/cli/program.js';
import { DIAGNOSTICS } from '../../src/config/diagnostic-codes.js';
import { LINT_CODES } from '../../src/config/lint-codes.js';
import { RULE_PAGES } from '../../src/config/rules/index.js';
import { jsonSchema } from '../../src/config/json-schema.js';
import { STATUSES, TITLES } from '../../src/http/problem.js';
import { ACCESS_FIELD_MEANINGS, LOG_EVENTS } from '../../src/lib/access-fields.js';
import { METRICS } from '../../src/lib/metrics.js';
import { apiPage } from '../../scripts/reference/api.mjs';
import { cliHelp } from '../../scripts/reference/cli-help.mjs';
import { logLines, programOf } from '../../scripts/reference/log-lines.mjs';
import { referencePages } from '../../scripts/reference/pages.mjs';
import { FLAGS, SOURCE } from './names.js';
import { pageOf, PAGES, ROOT } from './pages.js';

const program = programOf(ROOT);
const lines = logLines(program, ROOT);
const made = referencePages({
  schema: jsonSchema(),
  titles: TITLES,
  statuses: STATUSES,
  reasons: REASONS,
  diagnostics: DIAGNOSTICS,
  rules: RULE_PAGES,
  checkOnly: Object.keys(LINT_CODES),
  metrics: METRICS,
  events: LOG_EVENTS,
  accessFields: ACCESS_FIELD_MEANINGS,
  help: cliHelp(commands),
  logLines: lines,
  api: apiPage(program, ROOT),
});

const FOLDER = 'docs/reference/';

test('the folder has the pages that the code makes', () => {
  const written = PAGES.map(({ path }) => path).filter((path) => path.startsWith(FOLDER));
  expect(written.sort()).toEqual(Object.keys(made).sort());
});

test.each(Object.entries(made))('%s is what `npm run docs` writes', (path, text) => {
  expect(pageOf(path).text).toBe(text);
});

test.each(Object.entries(made))('%s begins with one sentence and says that it is generated', (_path, text) => {
  const [heading = '', first = ''] = text.split('\n\n');
  expect(heading).toMatch(/^# (?:[A-Z][\w ]+|[a-z0-9_]+)$/);
  expect(first).toMatch(
    /^Th(?:is page (?:lists|describes)|ese pages list) [^.]*\. .*generated from the code by `npm run docs`/,
  );
});

/** The rows of a table whose first cell is a name of the code. */
const namesOn = (name: string): string[] =>
  Array.from(
    (pageOf(`${FOLDER}${name}.md`).text.split('\n## ')[0] as string).matchAll(/^\| \[?`([^`]+)`(?:\]\([^)]*\))? \|/gm),
    ([, word = '']) => word,
  );

test.each([
  ['denial-codes', TITLES],
  ['reasons', REASONS],
  ['diagnostics', DIAGNOSTICS],
  ['metrics', METRICS],
])('%s has one row for each name', (name, known) => {
  expect(namesOn(name).sort()).toEqual(Object.keys(known).sort());
});

test('every option has words', () => {
  const empty = pageOf(`${FOLDER}options.md`)
    .text.split('\n')
    .filter((line) => /^\| `[^|]+` \|[^|]*\|\s*\|$/.test(line));
  expect(empty).toEqual([]);
});

test('every status that the code writes beside a code is on the page', () => {
  const written = Array.from(SOURCE.matchAll(/status: (\d{3}), code: '(\w+)'/g), ([, status, code = '']) => ({
    status: Number(status),
    code,
  }));
  const statuses: Readonly<Record<string, readonly number[]>> = STATUSES;
  expect(written.length).toBeGreaterThan(20);
  expect(written.filter(({ status, code }) => statuses[code]?.includes(status) !== true)).toEqual([]);
});

test('every event of the log is written, and every event that is written is on the page', () => {
  const written = new Set(Array.from(SOURCE.matchAll(/\bevent: '(\w+)'/g), ([, event]) => event));
  expect([...written].sort()).toEqual(Object.keys(LOG_EVENTS).sort());
});

test('the lines of the log are read from the calls', () => {
  expect(lines.length).toBeGreaterThan(40);
  expect(lines).toContainEqual(expect.objectContaining({ message: 'denied', levels: ['info'] }));
});

test('the command line has every command and every flag', () => {
  const { text } = pageOf(`${FOLDER}cli.md`);
  for (const flag of FLAGS) expect(text).toContain(flag);
  const sections = Array.from(text.matchAll(/^## `loom-auth (.+)`/gm), ([, command]) => command);
  const declared = Array.from(SOURCE.matchAll(/\.command\('([a-z-]+)/g), ([, command]) => command);
  const ofKeys = Array.from(SOURCE.matchAll(/\badd\('([a-z]+)', '/g), ([, command]) => `keys ${command}`);
  expect([...sections].sort()).toEqual([...declared, ...ofKeys].sort());
});
