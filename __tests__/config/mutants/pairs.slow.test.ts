/** Two slips at once, anywhere in a file of the page, open no more than one. */
import fc from 'fast-check';
import { parse } from 'yaml';
import { cases } from '../../support/fast-check-runs.js';
import { expectAtWork } from './at-work.js';
import { documentMutantsAt, pathsOf, type Json } from './document-mutants.js';
import { Doors } from './doors.js';
import { PAGE_CASES } from './page-access.js';
import { textMutantsAt, type Mutant } from './text-mutants.js';

const doors = new Doors('every');
const pick = fc.nat({ max: 1_000_000 });
/** Most slips are refused whatever else is wrong, so half of them are such as leave a file. */
const slip = fc.record({ where: pick, which: pick, losing: fc.boolean() });
type Slip = typeof slip extends fc.Arbitrary<infer T> ? T : never;
const page = fc.constantFrom(...PAGE_CASES);
const LOSING = /^(?:line|block) (?:deleted|commented out)$|^deleted$|^(?:into|one level|in place) |^with(?:out)? /;

function oneOf(mutants: readonly Mutant[], { which, losing }: Slip, text: string): Mutant {
  const some = losing ? mutants.filter((each) => LOSING.test(each.slip)) : mutants;
  return some[which % Math.max(1, some.length)] ?? { place: 'nowhere', slip: 'none', text };
}

function inText(text: string, chosen: Slip): Mutant {
  const lines = text.split('\n');
  return oneOf([...textMutantsAt(lines, chosen.where % lines.length, 'every')], chosen, text);
}

function inDocument(text: string, chosen: Slip): Mutant {
  const document = parse(text) as Json;
  const paths = pathsOf(document);
  const path = paths[chosen.where % Math.max(1, paths.length)];
  return oneOf(path ? [...documentMutantsAt(document, path, 'every')] : [], chosen, text);
}

const both = (first: Mutant, second: Mutant): Mutant => ({
  place: `${first.place} and ${second.place}`,
  slip: `${first.slip} and ${second.slip}`,
  text: second.text,
});

it.each([
  ['text', inText],
  ['document', inDocument],
] as const)('opens nothing when two things in the %s are wrong at once', (_what, change) => {
  fc.assert(
    fc.property(page, slip, slip, (whole, one, two) => {
      const first = change(whole.text, one);
      doors.one(whole, both(first, change(first.text, two)));
    }),
    cases(300, { cost: 20 }),
  );
  process.stdout.write(`pairs so far: ${doors.tally}\n`);
});

it('opens only files that have routes and no chain', () => {
  const opened = Object.entries(doors.exceptions).filter(([name]) => !/block 1[03] /.test(name));
  expect(opened).toEqual([]);
});

it('asks at work for what the plan says, in each way in which a changed file lets requests in', async () => {
  for (const sample of doors.samples.values()) await expectAtWork(sample);
});
