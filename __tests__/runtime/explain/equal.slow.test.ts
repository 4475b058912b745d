/** An explanation equals the live answer over 20,000 random requests in random configurations, and over 100,000 in `npm run fuzz`. */
import { fuzzing } from '../../support/fast-check-runs.js';
import { compare } from './compared.js';

jest.setTimeout(1_200_000);

const PARTS = fuzzing ? 10 : 2;

test.each(Array.from({ length: PARTS }, (_, part) => part))(
  'part %i: 10 configurations, 1,000 requests each',
  async (part) => {
    const { differences, outcomes, requests, configurations } = await compare({
      seed: 1_000 * (part + 1),
      configurations: 10,
      requestsEach: 1_000,
    });
    expect(differences).toEqual([]);
    // Not every seed has a gateway with a plugin.
    expect(part > 0 || outcomes.has('rejected plugin_refused')).toBe(true);
    expect(configurations).toBeGreaterThan(8);
    // CONNECT to a host application is left out.
    expect(requests).toBeGreaterThan(configurations * 950);
  },
);
