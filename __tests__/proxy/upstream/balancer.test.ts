/** Where the next request goes, counted over many. */
import type { Balancer } from '../../../src/config/plan-types.js';
import { hashOf } from '../../../src/proxy/upstream/address-hash.js';
import { createBalancer } from '../../../src/proxy/upstream/balancer.js';

interface Place {
  readonly name: string;
  readonly weight: number;
  inFlight: number;
  readonly hash: number;
}

const place = (name: string, weight = 1): Place => ({ name, weight, inFlight: 0, hash: hashOf(`http://${name}:80`) });
const all = (): boolean => true;
const nobody = (): string => {
  throw new Error('only ip_hash asks who the client is');
};

/** The same numbers each time. */
function lots(): () => number {
  let state = 12_345;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

const make = (algorithm: Balancer, candidates: readonly Place[]) =>
  createBalancer({ algorithm, candidates, random: lots() });

function count(names: readonly (string | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name ?? 'none'] = (counts[name ?? 'none'] ?? 0) + 1;
  return counts;
}

const times = <T>(n: number, act: (n: number) => T): T[] => Array.from({ length: n }, (_, at) => act(at));
const client = (n: number): string => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;

describe.each(['round_robin', 'weighted'] as const)('%s', (algorithm) => {
  test('takes turns, and each endpoint gets exactly its share', () => {
    const pick = make(algorithm, [place('a'), place('b'), place('c')]);
    expect(times(6, () => pick(all, nobody)?.name)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
    const weighted = make(algorithm, [place('a', 5), place('b', 3), place('c', 2)]);
    expect(count(times(1_000, () => weighted(all, nobody)?.name))).toEqual({ a: 500, b: 300, c: 200 });
  });

  test('spreads a large share over the round, rather than in one run', () => {
    const pick = make(algorithm, [place('a', 5), place('b', 1), place('c', 1)]);
    expect(times(7, () => pick(all, nobody)?.name).join('')).toBe('aabacaa');
  });

  test('shares what one that is out would have had', () => {
    const pick = make(algorithm, [place('a'), place('b', 2), place('c', 4)]);
    const got = times(600, () => pick(({ name }) => name !== 'c', nobody)?.name);
    expect(count(got)).toEqual({ a: 200, b: 400 });
    // And one that is back gets no more than its share for the time it was away.
    expect(count(times(700, () => pick(all, nobody)?.name))).toEqual({ a: 100, b: 200, c: 400 });
  });
});

describe('least_conn', () => {
  test('takes the least load for its weight', () => {
    const places = [place('a'), place('b'), place('c', 4)];
    const [a, b, c] = places as [Place, Place, Place];
    [a.inFlight, b.inFlight, c.inFlight] = [3, 2, 7];
    expect(make('least_conn', places)(all, nobody)?.name).toBe('c');
    c.inFlight = 9;
    expect(make('least_conn', places)(all, nobody)?.name).toBe('b');
    expect(make('least_conn', places)((each) => each !== b, nobody)?.name).toBe('c');
  });

  test('takes turns where all are alike: an idle upstream is not its first endpoint', () => {
    const pick = make('least_conn', [place('a'), place('b'), place('c')]);
    expect(count(times(300, () => pick(all, nobody)?.name))).toEqual({ a: 100, b: 100, c: 100 });
  });

  test('never takes one that is busier than another, whatever each request takes', () => {
    const places = [place('slow'), place('quick'), place('quicker')];
    const pick = make('least_conn', places);
    const random = lots();
    for (let n = 0; n < 3_000; n++) {
      const chosen = pick(all, nobody) as Place;
      expect(chosen.inFlight).toBe(Math.min(...places.map(({ inFlight }) => inFlight)));
      chosen.inFlight++;
      for (const each of places) {
        if (each.name !== 'slow' && random() < 0.6) each.inFlight = Math.max(0, each.inFlight - 1);
      }
    }
  });
});

describe('random', () => {
  test('gives each endpoint its share, within what chance allows', () => {
    const pick = make('random', [place('a'), place('b', 3), place('c', 6)]);
    const { a = 0, b = 0, c = 0 } = count(times(20_000, () => pick(all, nobody)?.name));
    expect(a / 20_000).toBeCloseTo(0.1, 1);
    expect(b / 20_000).toBeCloseTo(0.3, 1);
    expect(c / 20_000).toBeCloseTo(0.6, 1);
  });

  test('never takes one that is out, nor the last beyond the end', () => {
    const pick = createBalancer({
      algorithm: 'random',
      candidates: [place('a'), place('b'), place('c')],
      random: () => 0.999_999_999,
    });
    expect(pick(all, nobody)?.name).toBe('c');
    expect(pick(({ name }) => name !== 'c', nobody)?.name).toBe('b');
  });
});

describe('ip_hash', () => {
  const places = [place('a'), place('b'), place('c'), place('d'), place('e')];
  const pick = make('ip_hash', places);
  const clients = times(10_000, client);

  test('gives every endpoint its share of the clients', () => {
    const counts = Object.values(count(clients.map((each) => pick(all, () => each)?.name)));
    expect(counts).toHaveLength(5);
    for (const each of counts) expect(Math.abs(each - 2_000)).toBeLessThan(200);
    const weighted = make('ip_hash', [place('a', 1), place('b', 3)]);
    const { b = 0 } = count(clients.map((each) => weighted(all, () => each)?.name));
    expect(Math.abs(b - 7_500)).toBeLessThan(200);
  });

  test('keeps a client where it is, whatever the order of the list', () => {
    const shuffled = make('ip_hash', [...places].reverse());
    for (const each of clients.slice(0, 500)) {
      expect(pick(all, () => each)?.name).toBe(shuffled(all, () => each)?.name);
    }
  });

  test('moves the clients of an endpoint that goes away, and no other', () => {
    const without = ({ name }: Place): boolean => name !== 'c';
    const moved: (string | undefined)[] = [];
    for (const each of clients) {
      const [before, after] = [pick(all, () => each)?.name, pick(without, () => each)?.name];
      if (before === 'c') moved.push(after);
      else expect(after).toBe(before);
    }
    // And those are shared among all that are left.
    const shares = count(moved);
    expect(Object.keys(shares).sort()).toEqual(['a', 'b', 'd', 'e']);
    for (const share of Object.values(shares)) expect(share).toBeGreaterThan(moved.length / 8);
  });
});

test.each(['round_robin', 'weighted', 'least_conn', 'random', 'ip_hash'] as const)(
  '%s finds no endpoint if no endpoint is usable',
  (algorithm) => {
    const pick = make(algorithm, [place('a'), place('b')]);
    expect(
      pick(
        () => false,
        () => client(1),
      ),
    ).toBeUndefined();
    expect(pick(all, () => client(1))).toBeDefined();
  },
);
