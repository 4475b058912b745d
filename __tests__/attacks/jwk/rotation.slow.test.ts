/** Key sets that change, and unknown key names: how often the issuer is asked, and how long a key is used. */
import { gateOf, jwkOf, K1, K2, tokenOf, type Gate } from '../../support/key-sets.js';
import { closeOpened } from '../../support/page-gate.js';
import { askedServer, json, type Answer, type AskedServer } from '../../tokens/introspection-server.js';
import { signingKey } from '../../tokens/signing.js';

const servers: AskedServer[] = [];
const server = async (answer: Answer): Promise<AskedServer> => {
  const one = await askedServer(answer);
  servers.push(one);
  return one;
};
afterEach(async () => {
  await closeOpened();
  for (const each of servers.splice(0)) await each.close();
});

const ISS = 'https://id.example';
const LATE = { exp: 4_000_000_000 };
const block = (issuer: AskedServer): string => `{ issuer: "${ISS}", jwks_url: "${issuer.origin}/jwks" }`;
const one = tokenOf(ISS, K1, 'k1', LATE);
const two = tokenOf(ISS, K2, 'k2', LATE);
const of = (...keys: object[]): Answer => json({ keys });
const stranger = signingKey('RS256');

/** The statuses of these tokens, a few at a time. */
async function statuses(gate: Gate, tokens: readonly string[], atOnce: number): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  const rest = [...tokens];
  const worker = async (): Promise<void> => {
    for (let token = rest.pop(); token !== undefined; token = rest.pop()) {
      const status = await gate.status(token);
      found.set(status, (found.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return found;
}

describe('JWK-01 a flood of unknown names', () => {
  test('causes one load in 30 seconds, and never blocks a known one', async () => {
    const issuer = await server(of(jwkOf(K1, 'k1')));
    const gate = await gateOf(block(issuer));
    const flood = Array.from({ length: 1_000 }, (_no, index) => tokenOf(ISS, stranger, `made up ${index}`, LATE));
    const honest = Array.from({ length: 100 }, (_no, index) => tokenOf(ISS, K1, 'k1', { ...LATE, jti: String(index) }));
    const [refused, passed] = await Promise.all([statuses(gate, flood, 100), statuses(gate, honest, 4)]);
    expect([[...refused], [...passed]]).toEqual([[[401, 1_000]], [[200, 100]]]);
    expect(issuer.asked.length).toBe(2);
    // A new key: refused until the issuer may be asked again, and no longer.
    issuer.answer = of(jwkOf(K1, 'k1'), jwkOf(K2, 'k2'));
    expect([await gate.status(two), issuer.asked.length]).toEqual([401, 2]);
    gate.pass(30_000);
    expect([await gate.status(two), await gate.status(one), issuer.asked.length]).toEqual([200, 200, 3]);
    expect([...(await statuses(gate, flood.slice(0, 100), 20))]).toEqual([[401, 100]]);
    expect(issuer.asked.length).toBe(3);
  });

  test('an impossible signature causes no load', async () => {
    const issuer = await server(of(jwkOf(K1, 'k1')));
    const gate = await gateOf(block(issuer));
    const [header, payload] = tokenOf(ISS, stranger, 'made up', LATE).split('.');
    for (const signature of ['', 'AA', 'A'.repeat(86), 'A'.repeat(2_000)])
      expect(await gate.status(`${header}.${payload}.${signature}`)).toBe(401);
    expect(issuer.asked.length).toBe(1);
  });

  test('twin: a new key is found by the first token that names it', async () => {
    const issuer = await server(of(jwkOf(K1, 'k1')));
    const gate = await gateOf(block(issuer));
    issuer.answer = of(jwkOf(K1, 'k1'), jwkOf(K2, 'k2'));
    expect([await gate.status(two), await gate.status(one), issuer.asked.length]).toEqual([200, 200, 2]);
  });
});

test('a new key is found by the first token without a kid, and forged signatures cause one load in 30 seconds', async () => {
  const issuer = await server(of(jwkOf(K1, 'k1')));
  const gate = await gateOf(block(issuer));
  const nameless = tokenOf(ISS, K2, undefined, LATE);
  issuer.answer = of(jwkOf(K1, 'k1'), jwkOf(K2, 'k2'));
  expect([await gate.status(nameless), await gate.status(one), issuer.asked.length]).toEqual([200, 200, 2]);
  const flood = Array.from({ length: 200 }, (_no, at) =>
    tokenOf(ISS, stranger, undefined, { ...LATE, jti: String(at) }),
  );
  gate.pass(30_000);
  expect([[...(await statuses(gate, flood, 20))], issuer.asked.length]).toEqual([[[401, 200]], 3]);
});

describe('JWK-08 two replicas of an issuer that disagree', () => {
  test('each response another: a published key waits for the next load, never longer, and the issuer gets few requests', async () => {
    const sets = [of(jwkOf(K1, 'k1')), of(jwkOf(K2, 'k2'))];
    let turn = 0;
    const issuer = await server((asked, response) => (sets[turn++ % 2] as Answer)(asked, response));
    const gate = await gateOf(block(issuer));
    for (let round = 0; round < 6; round++) {
      // The loaded one passes. The other one causes a load at once, and passes.
      const [held, other] = round % 2 === 0 ? [one, two] : [two, one];
      expect([round, await gate.status(held), await gate.status(other), issuer.asked.length]).toEqual([
        round,
        200,
        200,
        round + 2,
      ]);
      // Within the 30 seconds the first one waits, and no load happens.
      expect([...(await statuses(gate, Array<string>(20).fill(held), 10))]).toEqual([[401, 20]]);
      expect([...(await statuses(gate, Array<string>(20).fill(other), 10))]).toEqual([[200, 20]]);
      expect(issuer.asked.length).toBe(round + 2);
      gate.pass(30_000);
    }
  });

  test('twin: replicas that publish both keys, in any order, let both pass all the time', async () => {
    let turn = 0;
    const keys = [jwkOf(K1, 'k1'), jwkOf(K2, 'k2')];
    const issuer = await server((asked, response) =>
      of(...(turn++ % 2 === 0 ? keys : [...keys].reverse()))(asked, response),
    );
    const gate = await gateOf(block(issuer));
    for (let round = 0; round < 4; round++) {
      expect([await gate.status(one), await gate.status(two)]).toEqual([200, 200]);
      gate.pass(9 * 60_000);
    }
    expect(issuer.asked.length).toBeGreaterThan(1);
  });
});

describe('JWK-09 a key that the issuer has removed', () => {
  test('verifies nothing ten minutes later, cached tokens included', async () => {
    const issuer = await server(of(jwkOf(K1, 'k1'), jwkOf(K2, 'k2')));
    const gate = await gateOf(block(issuer));
    expect([await gate.status(one), await gate.status(two)]).toEqual([200, 200]);
    issuer.answer = of(jwkOf(K2, 'k2'));
    gate.pass(10 * 60_000);
    expect([await gate.status(one), await gate.status(two)]).toEqual([401, 200]);
    expect(await gate.status(tokenOf(ISS, K1, 'k1', { ...LATE, jti: 'new' }))).toBe(401);
    expect(await gate.status(tokenOf(ISS, K1, undefined, LATE))).toBe(401);
  });

  test('verifies nothing from then on if another token caused a load before', async () => {
    const issuer = await server(of(jwkOf(K1, 'k1')));
    const gate = await gateOf(block(issuer));
    expect(await gate.status(one)).toBe(200);
    issuer.answer = of(jwkOf(K2, 'k2'));
    expect([await gate.status(two), await gate.status(one)]).toEqual([200, 401]);
  });

  test('twin: one that stays passes, ten minutes later and twenty', async () => {
    const gate = await gateOf(block(await server(of(jwkOf(K1, 'k1')))));
    for (let times = 0; times < 3; times++) {
      expect(await gate.status(one)).toBe(200);
      gate.pass(10 * 60_000);
    }
  });
});
