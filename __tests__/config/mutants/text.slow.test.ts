/** No slip of the hand in a file of the page opens a route: every line, key and value. */
import { fuzzing } from '../../support/fast-check-runs.js';
import { Doors, type Exceptions } from './doors.js';
import { expectAtWork } from './at-work.js';
import { judge, PAGE_CASES } from './page-access.js';
import { textMutants } from './text-mutants.js';

const BREADTH = fuzzing ? 'every' : 'core';
const doors = new Doors(BREADTH);

/** A route that is gone, or whose path says another one: what no route matches is 404, or goes on to the host. */
const GONE_10 = [
  ...['43 - id: external-api', '44 path: /api/v1/*', '50 - id: internal-api', '51 path: /internal/*'],
  ...['57 - id: service-api', '58 path: /service/*'],
];
const GONE_13 = ['33 path: /api/*'];
/** A route without `auth` and without a chain is PUBLIC: `check` lists it, `--strict` refuses it. */
const UNGUARDED_10 = ['46 auth:', '53 auth:', '60 auth:'].flatMap((line) => [
  `${line} block commented out`,
  `${line} block deleted`,
]);
/** `require: false` is the word for optional. */
const OPTIONAL_13 = ['36 require: true value is false'];

const SPEC: Exceptions = {
  'block 10 middleware': { 'passes by': GONE_10, public: UNGUARDED_10 },
  'block 10 serve': { 'no route': GONE_10, public: UNGUARDED_10 },
  'block 13 middleware': { 'passes by': GONE_13, 'on purpose': OPTIONAL_13 },
  'block 13 serve': { 'no route': GONE_13, 'on purpose': OPTIONAL_13 },
};

it.each(PAGE_CASES)('$name unchanged requires what the page says: $mode', (page) => {
  expect(judge(page, page.text).outcome).toBe('closed');
});

it('opens nothing when a line, a key or a value is deleted, misspelt, retyped, recased, emptied, moved or repeated', () => {
  for (const page of PAGE_CASES) {
    const lines = page.text.split('\n');
    doors.try(page, textMutants(page.text, BREADTH), (place) => contextOf(lines, Number.parseInt(place) - 1));
  }
  process.stdout.write(`slips in the text: ${doors.tally}\n`);
  expect(doors.exceptions).toEqual(SPEC);
});

it('asks at work for what the plan says, in each way in which a changed file lets requests in', async () => {
  expect(doors.samples.size).toBeGreaterThan(PAGE_CASES.length);
  for (const sample of doors.samples.values()) await expectAtWork(sample);
});

/** The lines above that a line hangs on, and those that hang on it. */
function contextOf(lines: readonly string[], at: number): string {
  const depthOf = (line: string): number => (line.trim() === '' ? Infinity : line.search(/\S/));
  const block = [lines[at] as string];
  let depth = depthOf(lines[at] as string);
  for (const below of lines.slice(at + 1)) {
    if (depthOf(below) <= depth) break;
    block.push(below);
  }
  for (let above = at - 1; above >= 0; above--) {
    const line = lines[above] as string;
    if (depthOf(line) >= depth) continue;
    depth = depthOf(line);
    block.unshift(line);
  }
  return block.join('\n');
}
