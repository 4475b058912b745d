/** No program that writes a file of the page wrongly opens a route: every node of the document. */
import { parse } from 'yaml';
import { documentMutants, type Json } from './document-mutants.js';
import { fuzzing } from '../../support/fast-check-runs.js';
import { Doors, type Exceptions } from './doors.js';
import { expectAtWork } from './at-work.js';
import { PAGE_CASES } from './page-access.js';

const BREADTH = fuzzing ? 'every' : 'core';
const doors = new Doors(BREADTH);

/** The same exceptions as in `text.slow.test.ts`. */
const GONE_10 = ['routes.1', 'routes.1.path', 'routes.2', 'routes.2.path', 'routes.3', 'routes.3.path'];
const UNGUARDED_10 = ['routes.1.auth deleted', 'routes.2.auth deleted', 'routes.3.auth deleted'];
const GONE_13 = ['routes.1.path'];
const OPTIONAL_13 = ['routes.1.auth.require is false'];

const SPEC: Exceptions = {
  'block 10 middleware': { 'passes by': GONE_10, public: UNGUARDED_10 },
  'block 10 serve': { 'no route': GONE_10, public: UNGUARDED_10 },
  'block 13 middleware': { 'passes by': GONE_13, 'on purpose': OPTIONAL_13 },
  'block 13 serve': { 'no route': GONE_13, 'on purpose': OPTIONAL_13 },
};

it('opens nothing when a node is deleted, renamed, retyped, recased, emptied, moved or repeated', () => {
  for (const page of PAGE_CASES) {
    const document = parse(page.text) as Json;
    const around = (place: string): string => {
      const steps = place.split('.');
      const node = steps.reduce<unknown>((above, step) => (above as Record<string, unknown>)[step], document);
      return `${place} ${JSON.stringify(node)}`;
    };
    doors.try(page, documentMutants(document, BREADTH), around);
  }
  process.stdout.write(`slips in the document: ${doors.tally}\n`);
  expect(doors.exceptions).toEqual(SPEC);
});

it('asks at work for what the plan says, in each way in which a changed file lets requests in', async () => {
  expect(doors.samples.size).toBeGreaterThan(PAGE_CASES.length);
  for (const sample of doors.samples.values()) await expectAtWork(sample);
});
