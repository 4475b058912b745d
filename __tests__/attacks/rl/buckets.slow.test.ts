/** Limits of a running gateway: who shares a bucket, what a refusal costs and reveals, and who cannot be locked out. */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, PASSWORD, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';

const SLOW = 'rate: 0.001';
const PROXY = 'trusted_proxies: [127.0.0.1]';
const from = (address: string): string => `X-Forwarded-For: ${address}`;
const basic = (user: string, password: string): string =>
  `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

const limited = (block: string, more: object = {}): Promise<Ground> =>
  openGround({ top: `rate_limit: { ${block} }\n${PROXY}`, ...more });

/** One gateway for the tests of a block. Each test counts for another address or identity. */
function shared(block: string, more: object = {}): () => Ground {
  let ground: Ground;
  beforeAll(async () => {
    ground = await limited(block, more);
  });
  afterAll(closeGrounds);
  return () => ground;
}

const tokenOf = async (ground: Ground, claims: Readonly<Record<string, unknown>>): Promise<string> =>
  `Authorization: Bearer ${await ground.issuer.token(claims)}`;

/** The fields of a response, by their names in lower case. */
function fieldsOf(answer: string): Record<string, string> {
  const [head = ''] = answer.split('\r\n\r\n');
  const lines = head.split('\r\n').slice(1);
  const fields = lines.map((line): [string, string] => [
    line.replace(/:.*/, '').toLowerCase(),
    line.replace(/^[^:]*: */, ''),
  ]);
  return Object.fromEntries(fields);
}

/** Counts the statuses of that many requests, sent in sequence if the order matters. */
async function statuses(ground: Ground, count: number, bytes: (at: number) => string): Promise<Record<number, number>> {
  const found: Record<number, number> = {};
  for (let at = 0; at < count; at += 50) {
    const batch = Array.from({ length: Math.min(50, count - at) }, (_each, i) => ground.send(bytes(at + i)));
    for (const answer of await Promise.all(batch)) found[statusOf(answer)] = (found[statusOf(answer)] ?? 0) + 1;
  }
  return found;
}

describe('RL-01 a limit before authentication with a key that the client chooses, or no limit against a flood', () => {
  const opened = shared(`${SLOW}, burst: 20, key: ip`);

  test('a flood without credentials counts by address before any method, whatever its headers contain', async () => {
    const ground = opened();
    const flood = await statuses(ground, 300, (at) =>
      get('/internal/x', from('203.0.113.1'), `X-User-ID: u${at}`, `X-Real-IP: 10.0.0.${at % 250}`),
    );
    expect(flood).toEqual({ 401: 20, 429: 280 });
    expect(ground.arrived()).toEqual([]);
  });

  test('twin: another address meanwhile, and one principal from any address in its own bucket', async () => {
    const ground = opened();
    const token = await tokenOf(ground, { sub: 'alice' });
    await statuses(ground, 100, () => get('/internal/x', from('203.0.113.3')));
    expect(await statuses(ground, 20, () => get('/internal/x', from('203.0.113.2'), token))).toEqual({ 200: 20 });
  });
});

describe('RL-04 one bucket for two: the same subject of two methods, two routes, two issuers', () => {
  const routes = `
  - { id: tight, path: /tight/*, upstream: backend, auth: { jwt: true }, rate_limit: { rate: 0.001, burst: 3 } }`;
  const opened = shared(`${SLOW}, burst: 5`, { routes });

  test('a subject of a token, the name of a key and the address each have their own', async () => {
    const ground = opened();
    const token = await tokenOf(ground, { sub: 'alice' });
    expect(await statuses(ground, 10, () => get('/internal/x', token))).toEqual({ 200: 5, 429: 5 });
    expect(await statuses(ground, 10, () => get('/api/v1/x', 'X-API-Key: sk_live_attack_ground_1'))).toEqual({
      200: 5,
      429: 5,
    });
    expect(await statuses(ground, 10, () => get('/public/x'))).toEqual({ 200: 5, 429: 5 });
  });

  test('twin: one person on two routes of one limit counts once, and a route with its own limit counts apart', async () => {
    const ground = opened();
    const token = await tokenOf(ground, { sub: 'bob' });
    expect(await statuses(ground, 3, () => get('/internal/x', token))).toEqual({ 200: 3 });
    expect(await statuses(ground, 5, () => get('/any/x', token))).toEqual({ 200: 2, 429: 3 });
    expect(await statuses(ground, 5, () => get('/tight/x', token))).toEqual({ 200: 3, 429: 2 });
  });
});

describe('RL-05 a key without a value', () => {
  afterEach(closeGrounds);

  test.each(['identity', 'jwt:tenant', 'header:X-User-ID', 'header:X-Nobody'])(
    '%s: counts by address, neither unlimited nor in one bucket for all',
    async (key) => {
      const ground = await limited(`${SLOW}, burst: 5, key: "${key}"`);
      expect(await statuses(ground, 50, () => get('/public/x', from('203.0.113.1')))).toEqual({ 200: 5, 429: 45 });
      expect(await statuses(ground, 5, () => get('/public/x', from('203.0.113.2')))).toEqual({ 200: 5 });
    },
  );

  test('twin: with the value it counts by it, from any address', async () => {
    const ground = await limited(`${SLOW}, burst: 5, key: "jwt:tenant"`);
    const token = await tokenOf(ground, { sub: 'alice', tenant: 'acme' });
    expect(await statuses(ground, 10, (at) => get('/internal/x', token, from(`203.0.113.${at}`)))).toEqual({
      200: 5,
      429: 5,
    });
  });
});

describe('RL-10 the cost of a refused request', () => {
  afterEach(closeGrounds);

  test('over a limit by address no method runs; over one by identity no upstream, and no issuer twice', async () => {
    const byAddress = await limited(`${SLOW}, burst: 4, key: ip`);
    expect(await statuses(byAddress, 40, (at) => get('/oauth/x', `Authorization: Bearer opaque-${at}`))).toEqual({
      200: 4,
      429: 36,
    });
    expect(byAddress.introspection.asked).toHaveLength(4);
    const byIdentity = await limited(`${SLOW}, burst: 4`);
    await byIdentity.send(get('/oauth/x', 'Authorization: Bearer opaque'));
    expect(await statuses(byIdentity, 40, () => get('/oauth/x', 'Authorization: Bearer opaque'))).toEqual({
      200: 3,
      429: 37,
    });
    expect(byIdentity.introspection.asked).toHaveLength(1);
    expect(byIdentity.arrived()).toHaveLength(4);
  });

  test('twin: below the limit each request is authenticated and arrives', async () => {
    const ground = await limited(`${SLOW}, burst: 40, key: ip`);
    expect(await statuses(ground, 10, () => get('/ops/x', basic('admin', PASSWORD)))).toEqual({ 200: 10 });
    expect(ground.arrived()).toHaveLength(10);
  });
});

describe('RL-11 the limit in a response', () => {
  const opened = shared('rate: 0.5, burst: 2');

  test('a 429 of a request and of an upgrade has Retry-After, and does not reveal whose limit it is', async () => {
    const ground = opened();
    const token = await tokenOf(ground, { sub: 'alice-the-subject' });
    await statuses(ground, 2, () => get('/internal/x', token));
    for (const bytes of [get('/internal/x', token), handshake('/internal/x', token)]) {
      const answer = await ground.send(bytes);
      expect(statusOf(answer)).toBe(429);
      const fields = fieldsOf(answer);
      expect(fields['retry-after']).toMatch(/^[12]$/);
      expect(fields['ratelimit']).toMatch(/^"default";r=0;t=[12]$/);
      expect(fields['ratelimit-policy']).toBe('"default";q=2;w=4');
      expect(fields['x-ratelimit-remaining']).toBe('0');
      expect(Number(fields['x-ratelimit-reset'])).toBeGreaterThan(Date.now() / 1_000);
      expect(fields['cache-control']).toBe('no-store');
      expect(answer).not.toContain('alice');
    }
  });

  test('twin: a response that passes has the remaining number', async () => {
    const ground = opened();
    const token = await tokenOf(ground, { sub: 'alice' });
    expect(fieldsOf(await ground.send(handshake('/internal/x', token)))['x-ratelimit-remaining']).toBeUndefined();
    const fields = fieldsOf(await ground.send(get('/internal/x', token)));
    expect(fields).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '0' });
  });
});

describe('RL-12 failures in the name of another user', () => {
  afterEach(closeGrounds);

  test('three hundred wrong passwords for admin from elsewhere leave the bucket of admin unchanged', async () => {
    const ground = await limited(`${SLOW}, burst: 5, key: "header:Authorization"`);
    const guesses = await statuses(ground, 300, (at) =>
      get('/ops/x', from('203.0.113.66'), basic('admin', `guess ${at}`)),
    );
    expect(guesses[200]).toBeUndefined();
    const own = await statuses(ground, 5, () => get('/ops/x', from('203.0.113.1'), basic('admin', PASSWORD)));
    expect(own).toEqual({ 200: 5 });
  });

  test('twin: requests of admin do count in it', async () => {
    const ground = await limited(`${SLOW}, burst: 5, key: "header:Authorization"`);
    const own = await statuses(ground, 8, () => get('/ops/x', from('203.0.113.1'), basic('admin', PASSWORD)));
    expect(own).toEqual({ 200: 5, 429: 3 });
  });
});

describe('RL-09 the limit of a key beside the global one', () => {
  const KEYS = `
    api_key: { keys: [{ key: sk_live_with_limit_1, name: own, rate_limit: { rate: 0.001, burst: 3 } }, { key: sk_live_without_1, name: none }] }`;
  const opened = shared(`${SLOW}, burst: 6`, {
    replaceAuth: true,
    auth: KEYS,
    replaceRoutes: true,
    routes: '\n  - { id: api, path: /api/v1/*, upstream: backend, auth: { api_key: true } }',
  });

  test('a key without its own limit has the global one', async () => {
    const ground = opened();
    expect(await statuses(ground, 20, () => get('/api/v1/x', 'X-API-Key: sk_live_without_1'))).toEqual({
      200: 6,
      429: 14,
    });
  });

  test('twin: a key with its own limit has that one', async () => {
    const ground = opened();
    expect(await statuses(ground, 20, () => get('/api/v1/x', 'X-API-Key: sk_live_with_limit_1'))).toEqual({
      200: 3,
      429: 17,
    });
  });
});
