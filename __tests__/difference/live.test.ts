/** Some random pairs of files at work: whatever a caller sees, a line of its class says so. */
import { holdsFor } from './live-property.js';

test('whatever a caller sees, a line of its class says so', async () => {
  const { compared, seen } = await holdsFor(8);
  expect(compared).toBeGreaterThan(2);
  expect(seen).toBeGreaterThan(0);
}, 120_000);
