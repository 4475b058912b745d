/** Each kind of failure: the response, its duration, and the recovery without intervention. */
import { closePlugins } from '../attacks/wsm/plugin-ground.js';
import { FAULTS, type Fault } from '../support/faulty-server.js';
import { openWorld, PLACES, type Outcome, type Place, type World } from './table.js';

interface Cell {
  /** Nothing was loaded, cached or connected before. */
  readonly cold: Outcome;
  readonly healed: Outcome;
  /** After it had worked: cached data, and data that must be requested. */
  readonly known: Outcome;
  readonly fresh: Outcome;
  readonly healedAgain: Outcome;
}

/** Deadlines are 5 s for key sets and 1 s for the rest. The margin is for a busy machine. */
const LONGEST_MS: Readonly<Record<Place, number>> = {
  JWKS: 9_000,
  discovery: 9_000,
  introspection: 6_000,
  plugin: 6_000,
  upstream: 6_000,
};
/** A timer of 1 to 30 s loads key sets. A hung attempt lasts 5 s. */
const RECOVERED_MS = 40_000;

let world: World;
const cells = new Map<string, Cell>();

async function recovered(place: Place, fault: Fault, fresh: boolean): Promise<Outcome> {
  const start = performance.now();
  for (;;) {
    const { status } = await world.ask(place, fault, fresh);
    const ms = performance.now() - start;
    if (status === 200 || ms > RECOVERED_MS) return { status, ms };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function play(place: Place, fault: Fault): Promise<void> {
  const server = world.server(place, fault);
  await server.fail(fault);
  const cold = await world.ask(place, fault, place === 'introspection');
  await server.heal();
  const healed = await recovered(place, fault, false);
  await server.fail(fault);
  const known = await world.ask(place, fault, false);
  const fresh = await world.ask(place, fault, true);
  await server.heal();
  const healedAgain = await recovered(place, fault, true);
  cells.set(`${place} ${fault}`, { cold, healed, known, fresh, healedAgain });
}

beforeAll(async () => {
  world = await openWorld();
  const apart = PLACES.filter((place) => place !== 'introspection');
  const inTurn = async (): Promise<void> => {
    for (const fault of FAULTS) await play('introspection', fault);
  };
  await Promise.all([inTurn(), ...apart.flatMap((place) => FAULTS.map((fault) => play(place, fault)))]);
}, 180_000);
afterAll(async () => {
  await world.close();
  await closePlugins();
}, 60_000);

/** The answer for a failing upstream. Its own 5xx is passed on. */
const UPSTREAM: Readonly<Record<Fault, number>> = {
  refused: 502,
  hung: 504,
  slow: 504,
  reset: 502,
  garbage: 502,
  huge: 502,
  'TLS error': 502,
  '5xx': 503,
};

describe.each(PLACES)('%s', (place) => {
  describe.each(FAULTS)('%s', (fault) => {
    const cell = (): Cell => {
      const found = cells.get(`${place} ${fault}`);
      if (!found) throw new Error('was not played');
      return found;
    };
    const failed = place === 'upstream' ? UPSTREAM[fault] : 503;

    test('cold: the answer is an error of the gateway, in time', () => {
      expect(cell().cold).toEqual({ status: failed, ms: expect.any(Number) as number });
      expect(cell().cold.ms).toBeLessThan(LONGEST_MS[place]);
    });

    test('warm: cached results still work, others are never 401 and never pass', () => {
      const remembers = place === 'JWKS' || place === 'discovery' || place === 'introspection';
      expect([cell().known.status, cell().fresh.status]).toEqual([remembers ? 200 : failed, failed]);
      expect(Math.max(cell().known.ms, cell().fresh.ms)).toBeLessThan(LONGEST_MS[place]);
    });

    test('it recovers by itself', () => {
      expect([cell().healed.status, cell().healedAgain.status]).toEqual([200, 200]);
    });
  });
});
