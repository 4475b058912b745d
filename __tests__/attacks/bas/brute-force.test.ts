/** Guesses in great number: how many are tried, who is affected, and who is locked out. */
import { hashSync } from 'bcryptjs';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { json } from '../../tokens/introspection-server.js';

afterAll(closeGrounds);

const VICTIM = 'correct horse';
const OTHER = 'battery staple';

const login = (user: string, password: string): string =>
  `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const from = (address: string): string => `X-Forwarded-For: ${address}`;

/** The client's address comes from a trusted proxy. */
function guarded(throttle = '', auth = '', routes = ''): Promise<Ground> {
  const hashed = (name: string, password: string): string =>
    `{ username: ${name}, password_hash: "${hashSync(password, 4)}" }`;
  return openGround({
    replaceAuth: true,
    auth: `
    basic: { ${throttle} users: [${hashed('victim', VICTIM)}, ${hashed('other', OTHER)}] }${auth}`,
    replaceRoutes: true,
    routes: `
  - { id: ops, path: "/ops/*", upstream: backend, auth: { basic: true } }${routes}`,
    top: 'trusted_proxies: ["127.0.0.1/32"]',
  });
}

const status = async (ground: Ground, ...lines: string[]): Promise<number> =>
  statusOf(await ground.send(get('/ops', ...lines)));

/** Counts the statuses of guesses, ten at a time. */
async function guesses(ground: Ground, count: number, lines: (at: number) => string[]): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  let next = 0;
  const guess = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      const answer = await status(ground, ...lines(at));
      found.set(answer, (found.get(answer) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 10 }, guess));
  return found;
}

describe('BAS-12 a flood of guesses', () => {
  const evil = '198.51.100.6';
  let ground: Ground;
  beforeAll(async () => (ground = await guarded()));

  test('from one address for one user: twenty are tried in a minute, and honest clients pass meanwhile', async () => {
    const honest: number[] = [];
    const flood = guesses(ground, 1_500, (at) => [from(evil), login('victim', `guess ${at}`)]);
    for (let at = 0; at < 40; at++) {
      honest.push(await status(ground, from(`203.0.113.${at}`), login('victim', VICTIM)));
      honest.push(await status(ground, from(evil), login('other', OTHER)));
    }
    const found = await flood;
    expect([...found].sort(([a], [b]) => a - b)).toEqual([
      [401, 20],
      [429, 1_480],
    ]);
    expect(new Set(honest)).toEqual(new Set([200]));
  });

  test('sends Retry-After, and does not reveal whether a guess was right', async () => {
    const wrong = await ground.send(get('/ops', from(evil), login('victim', 'a new guess')));
    expect(wrong).toMatch(/^retry-after: ([1-9]|[1-5]\d|60)\r$/im);
    expect(wrong).toMatch(/"code":"rate_limited"/);
    expect(wrong).not.toMatch(/^www-authenticate:/im);
    // Another user of that address, an unknown one: the same count as for known users.
    const nobody = await guesses(ground, 40, (at) => [from(evil), login('nobody', `guess ${at}`)]);
    expect([nobody.get(401), nobody.get(429)]).toEqual([20, 20]);
  });

  test('reaches no upstream, and is logged without the guessed user', () => {
    expect(ground.arrived().every(({ target }) => target === '/ops')).toBe(true);
    const lines = ground.output().split('\n');
    expect(lines.filter((line) => /"msg":"too many failed attempts/.test(line) && line.includes(evil))).toHaveLength(2);
    expect(lines.some((line) => /"reason":"throttled"/.test(line) && /"msg":"denied"/.test(line))).toBe(true);
    expect(ground.output()).not.toMatch(/nobody|guess \d/);
  });

  test('from many addresses of one IPv6 network counts as one', async () => {
    const found = await guesses(ground, 60, (at) => [
      from(`2001:db8:0:7::${(at + 1).toString(16)}`),
      login('victim', `guess ${at}`),
    ]);
    expect([found.get(401), found.get(429)]).toEqual([20, 40]);
    expect(await status(ground, from('2001:db8:0:8::1'), login('victim', 'wrong'))).toBe(401);
  });

  test('a forged address is ignored: without a trusted proxy the peer counts', async () => {
    const plain = await openGround();
    const wrong = (at: number): string[] => [from(`203.0.113.${at}`), login('admin', `guess ${at}`)];
    const found = await guesses(plain, 30, wrong);
    expect([found.get(401), found.get(429)]).toEqual([20, 10]);
  });

  test('twin: a user who mistypes a few times passes, and cached users are not limited', async () => {
    const own = '192.0.2.77';
    for (let at = 0; at < 19; at++) expect(await status(ground, from(own), login('victim', `typo ${at}`))).toBe(401);
    expect(await status(ground, from(own), login('victim', VICTIM))).toBe(200);
    for (let at = 0; at < 5; at++) await status(ground, from(own), login('victim', `typo ${at}`));
    expect(await status(ground, from(own), login('victim', 'one more'))).toBe(429);
    expect(await status(ground, from(own), login('victim', VICTIM))).toBe(200);
  });

  test('twin: "throttle: false" tries all, and a configured budget is used', async () => {
    const open = await guarded('throttle: false,');
    const all = await guesses(open, 60, (at) => [from(evil), login('victim', `guess ${at}`)]);
    expect([...all]).toEqual([[401, 60]]);
    const own = await guarded('throttle: { failures: 3, per: 1h },');
    const few = await guesses(own, 20, (at) => [from(evil), login('victim', `guess ${at}`)]);
    expect([few.get(401), few.get(429)]).toEqual([3, 17]);
  });
});

describe('guesses for a user whose credential is cached', () => {
  test('over the budget a right one is refused like a wrong one, however often its owner sends requests', async () => {
    const ground = await guarded();
    const [evil, home] = [from('198.51.100.6'), from('203.0.113.9')];
    expect(await status(ground, home, login('victim', VICTIM))).toBe(200);
    await guesses(ground, 25, (at) => [evil, login('victim', `guess ${at}`)]);
    expect(await status(ground, evil, login('victim', VICTIM))).toBe(429);
    // Twin: it passes from its earlier address, and within the budget it passes from any address.
    expect(await status(ground, home, login('victim', VICTIM))).toBe(200);
    expect(await status(ground, from('192.0.2.1'), login('victim', VICTIM))).toBe(200);
    await guesses(ground, 25, (at) => [from('192.0.2.1'), login('victim', `guess ${at}`)]);
    expect(await status(ground, from('192.0.2.1'), login('victim', VICTIM))).toBe(200);
  });

  test('and it does not join a comparison that its owner waits for', async () => {
    const ground = await guarded('cache_ttl: "0s",');
    const evil = from('198.51.100.6');
    await guesses(ground, 25, (at) => [evil, login('victim', `guess ${at}`)]);
    const found = new Set<number>();
    for (let round = 0; round < 20; round++) {
      const home = Array.from({ length: 5 }, () => status(ground, from('203.0.113.9'), login('victim', VICTIM)));
      const guess = Array.from({ length: 5 }, () => status(ground, evil, login('victim', VICTIM)));
      expect(new Set(await Promise.all(home))).toEqual(new Set([200]));
      for (const each of await Promise.all(guess)) found.add(each);
    }
    expect(found).toEqual(new Set([429]));
  });
});

describe('RL-12 guesses for a victim from elsewhere', () => {
  test('a thousand bad logins from one address, and one from each of many, lock no victim out', async () => {
    // Nothing is cached: each of the victim's logins is compared.
    const ground = await guarded('cache_ttl: "0s",');
    await guesses(ground, 1_000, (at) => [from('198.51.100.6'), login('victim', `guess ${at}`)]);
    const spread = await guesses(ground, 200, (at) => [from(`198.51.101.${at}`), login('victim', `guess ${at}`)]);
    expect([...spread]).toEqual([[401, 200]]);
    for (let at = 0; at < 5; at++) {
      expect(await status(ground, from('203.0.113.9'), login('victim', VICTIM))).toBe(200);
    }
    expect(await status(ground, from('198.51.100.6'), login('victim', VICTIM))).toBe(429);
  });

  test('twin: over the budget another credential of the same request still grants', async () => {
    const ground = await guarded(
      '',
      '\n    api_key: { keys: [{ key: sk_live_of_the_twin, name: alice }] }',
      '\n  - { id: any, path: "/any/*", upstream: backend, auth: { methods: [basic, api_key] } }',
    );
    const evil = '198.51.100.6';
    await guesses(ground, 25, (at) => [from(evil), login('victim', `guess ${at}`)]);
    const any = (...lines: string[]) => ground.send(get('/any', from(evil), login('victim', 'one more'), ...lines));
    expect(statusOf(await any('X-API-Key: sk_live_of_the_twin'))).toBe(200);
    expect(statusOf(await any())).toBe(429);
    expect(statusOf(await any('X-API-Key: wrong'))).toBe(429);
  });
});

describe('guesses at tokens', () => {
  const bearer = (token: string): string => `Authorization: Bearer ${token}`;

  test('twenty of an address are introspected; cached ones pass, and those of other addresses', async () => {
    const ground = await openGround({ top: 'trusted_proxies: ["127.0.0.1/32"]' });
    const good = json({ active: true, sub: 'bob', scope: 'read' });
    ground.introspection.answer = (asked, response) =>
      (asked.body.includes('good') ? good : json({ active: false }))(asked, response);
    const ask = async (...lines: string[]): Promise<number> => statusOf(await ground.send(get('/oauth/x', ...lines)));
    const evil = from('198.51.100.6');
    expect(await ask(evil, bearer('good-1'))).toBe(200);
    const found: number[] = await Promise.all(Array.from({ length: 100 }, (_no, at) => ask(evil, bearer(`bad-${at}`))));
    expect(found.filter((each) => each === 401)).toHaveLength(20);
    expect(found.filter((each) => each === 429)).toHaveLength(80);
    expect(ground.introspection.asked).toHaveLength(21);
    expect([await ask(evil, bearer('good-1')), await ask(evil, bearer('good-2'))]).toEqual([200, 429]);
    expect(await ask(from('203.0.113.9'), bearer('good-2'))).toBe(200);
    expect(ground.introspection.asked).toHaveLength(22);
  });

  test('a page that repeats one expired token may continue with its new one', async () => {
    const ground = await openGround();
    const good = json({ active: true, sub: 'bob', scope: 'read' });
    ground.introspection.answer = (asked, response) =>
      (asked.body.includes('good') ? good : json({ active: false }))(asked, response);
    const ask = async (token: string): Promise<number> => statusOf(await ground.send(get('/oauth/x', bearer(token))));
    const old = await Promise.all(Array.from({ length: 40 }, () => ask('over')));
    for (let at = 0; at < 20; at++) old.push(await ask('over'));
    expect(new Set(old)).toEqual(new Set([401]));
    expect(ground.introspection.asked).toHaveLength(1);
    expect(await ask('good')).toBe(200);
  });

  test('an undecided answer of the server is not counted as a failure', async () => {
    const ground = await openGround();
    ground.introspection.answer = json({}, 500);
    for (let at = 0; at < 30; at++) {
      expect(statusOf(await ground.send(get('/oauth/x', bearer(`opaque-${at}`))))).toBe(503);
    }
  });
});
