/** Many random pairs of files at work: whatever a caller sees, a line of its class says so. */
import { fuzzing } from '../support/fast-check-runs.js';
import { holdsFor } from './live-property.js';

test('whatever a caller sees, a line of its class says so', async () => {
  const tally = await holdsFor(fuzzing ? 5_000 : 60);
  process.stdout.write(`pairs of files at work: ${JSON.stringify(tally)}\n`);
  expect(tally.compared).toBeGreaterThan(30);
  expect(tally.seen).toBeGreaterThan(60);
  expect(tally.silent).toBeGreaterThan(0);
}, 1_200_000);
