/**
 * Guessed passwords: what their time reveals, what their number costs others, and what a right one leaves in the cache.
 */
import { hashSync } from 'bcryptjs';
import { basic, type RememberingBasicStrategy } from '../../../src/auth/methods/basic/basic.js';
import { basicOptions, costOf } from '../../../src/auth/methods/basic/options.js';
import { Users } from '../../../src/auth/methods/basic/users.js';
import { BcryptPool } from '../../../src/auth/methods/basic/bcrypt-pool.js';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { getWith, judging, type Judge } from '../../support/judge.js';
import { atWork, serveMethod } from '../../support/method-server.js';

const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
  await closeGrounds();
});

const login = (user: string, password: string): string =>
  `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

function guarded(users: Readonly<Record<string, string>>): Promise<Ground> {
  const list = Object.entries(users).map(([name, hash]) => `{ username: "${name}", password_hash: "${hash}" }`);
  return openGround({
    replaceAuth: true,
    auth: `\n    basic: { users: [${list.join(', ')}] }`,
    replaceRoutes: true,
    routes: `
  - { id: public, path: "/public/*", upstream: backend, auth: none }
  - { id: ops, path: "/ops/*", upstream: backend, auth: { basic: true } }`,
  });
}

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0;

describe('BAS-04 the time reveals no user', () => {
  // The 5 % are measured in bench/timing.mjs. This test checks what does not depend on the load of the machine.
  const COSTS = [4, 6, 8];
  const table = Object.fromEntries(COSTS.map((cost) => [`cost${cost}`, hashSync('right', cost)]));
  const NOBODIES = ['nobody', 'Cost8', 'cost8 ', '__proto__', 'constructor', '', 'x'.repeat(3_000)];

  test('a failure costs the same hashes for every user and for an unknown one, including the most expensive', () => {
    const options = basicOptions.parse({
      users: Object.entries(table).map(([username, password_hash]) => ({ username, password_hash })),
    });
    const users = new Users(options, { now: Date.now });
    closing.push(() => users.close());
    const costs = (user: string): number[] => {
      const { passwordHash, padding } = users.entryOf(user);
      return [passwordHash, ...padding].map(costOf).sort((a, b) => a - b);
    };
    for (const user of [...Object.keys(table), ...NOBODIES]) expect([user, ...costs(user)]).toEqual([user, ...COSTS]);
  });

  test('the response to any of them takes about the same time', async () => {
    const ground = await guarded(table);
    const times = new Map([...Object.keys(table), 'nobody', '__proto__'].map((user) => [user, [] as number[]]));
    for (let round = 0; round < 11; round++) {
      for (const [user, taken] of times) {
        const start = performance.now();
        expect(statusOf(await ground.send(get('/ops', login(user, `wrong-${round}`))))).toBe(401);
        taken.push(performance.now() - start);
      }
    }
    const medians = [...times.values()].map(median);
    // A skipped hash, or one of minimal cost, would take a small part of it.
    expect(Math.max(...medians) / Math.min(...medians)).toBeLessThan(2.5);
  });

  test('twin: each user passes with the right password', async () => {
    const ground = await guarded(table);
    for (const user of Object.keys(table))
      expect(statusOf(await ground.send(get('/ops', login(user, 'right'))))).toBe(200);
  });
});

describe('BAS-06 many guesses at a cost of 12', () => {
  const limit = new BcryptPool().limit;
  const answers: string[] = [];
  const of = (status: number): readonly string[] => answers.filter((answer) => statusOf(answer) === status);
  let ground: Ground;
  beforeAll(async () => {
    ground = await guarded({ admin: hashSync('right', 12) });
    // From now on the pair is cached.
    expect(statusOf(await ground.send(get('/ops', login('admin', 'right'))))).toBe(200);
    for (let at = 0; at < limit + 50; at++) {
      const guess = ground.send(get('/ops', login('admin', `wrong-${at}`)));
      void guess.then((answer) => answers.push(answer)).catch(() => undefined);
    }
  });

  test('fifty too many are 503 while the others still wait', async () => {
    while (of(503).length < 50) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const answer of of(503)) expect(answer).toMatch(/^retry-after: \d+\r$/im);
    expect(of(401).length).toBeLessThan(limit / 2);
  });

  test('twin: meanwhile other requests are served, and cached credentials too', async () => {
    for (let at = 0; at < 50; at++) {
      expect(statusOf(await ground.send(get('/public/x')))).toBe(200);
      expect(statusOf(await ground.send(get('/ops', login('admin', 'right'))))).toBe(200);
    }
    // A hundred responses came before most of the guesses had theirs, so they did not wait for the guesses.
    expect(of(401).length).toBeLessThan(limit * 0.75);
    expect(answers).toHaveLength(of(503).length + of(401).length);
  });
});

const USERS = { a: 'bc', ab: 'x', abc: '', 'a:': 'never', '\u00e9': 'b' };

describe('BAS-07 a cached pair is only that pair', () => {
  let now = 1_700_000_000_000;
  let judge: Judge;
  beforeAll(async () => (judge = await judging()));
  afterAll(() => judge.close());

  async function opened(users: Readonly<Record<string, string>>, more: object = {}) {
    const list = Object.entries(users).filter(([username]) => !username.includes(':'));
    const block = {
      ...more,
      users: list.map(([username, password]) => ({ username, password_hash: hashSync(password, 4) })),
    };
    const work = atWork(basic, block, { now: () => now });
    const server = await serveMethod(work);
    closing.push(
      () => server.close(),
      () => work.strategy.close(),
    );
    const strategy = work.strategy as RememberingBasicStrategy;
    return {
      ask: async (user: string, password: string) => (await server.ask([login(user, password)])).kind,
      remembers: (user: string, password: string) =>
        judge.ask(getWith(login(user, password)), (request) => strategy.remembers(request)),
    };
  }

  test('no other pair of the same letters, and none that failed', async () => {
    const { ask, remembers } = await opened(USERS);
    expect(await ask('a', 'bc')).toBe('granted');
    for (const [user, password] of [
      ['ab', 'c'],
      ['abc', 'x'],
      ['', 'abc'],
      ['a', 'b'],
      ['a', 'bc '],
      ['A', 'bc'],
      ['ab', 'bc'],
      ['nobody', 'bc'],
      ['a', ':bc'],
    ] as const) {
      for (let times = 0; times < 2; times++) {
        expect([user, password, await ask(user, password)]).toEqual([user, password, 'rejected']);
        expect(await remembers(user, password)).toBe(false);
      }
    }
    expect(await remembers('a', 'bc')).toBe(true);
  });

  test('not beyond its time, not with another hash', async () => {
    const { ask, remembers } = await opened(USERS, { cache_ttl: '5m' });
    expect(await ask('a', 'bc')).toBe('granted');
    now += 299_999;
    expect(await remembers('a', 'bc')).toBe(true);
    now += 1;
    expect(await remembers('a', 'bc')).toBe(false);
    // Same as after a reload: the same user, another hash.
    const changed = await opened({ ...USERS, a: 'changed' });
    expect(await changed.remembers('a', 'bc')).toBe(false);
    expect(await changed.ask('a', 'bc')).toBe('rejected');
  });

  test('not if the file says "0s"', async () => {
    const { ask, remembers } = await opened(USERS, { cache_ttl: '0s' });
    expect(await ask('a', 'bc')).toBe('granted');
    expect(await remembers('a', 'bc')).toBe(false);
  });

  test('twin: the pair itself passes again and again', async () => {
    const { ask, remembers } = await opened(USERS);
    for (const [user, password] of [
      ['a', 'bc'],
      ['abc', ''],
      ['\u00e9', 'b'],
    ] as const) {
      for (let times = 0; times < 3; times++) expect(await ask(user, password)).toBe('granted');
      expect(await remembers(user, password)).toBe(true);
    }
  });
});
