/** An explanation equals the live answer: status, code, reason, auth method, route and identity headers. */
import { compare } from './compared.js';

jest.setTimeout(180_000);

test('random requests in random configurations', async () => {
  const { differences, outcomes, requests, configurations } = await compare({
    seed: 20_261_129,
    configurations: 8,
    requestsEach: 40,
  });
  expect(differences).toEqual([]);
  expect(requests).toBeGreaterThan(configurations * 30);
  for (const outcome of ['granted', 'open', 'absent credential_missing', 'unrouted no_route'])
    expect(outcomes.get(outcome) ?? 0).toBeGreaterThan(0);
});
