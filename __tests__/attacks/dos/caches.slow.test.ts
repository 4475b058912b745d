/** Unlimited numbers of good and bad tokens: each cache holds as many as configured, and evicts the oldest. */
import { createServer } from 'node:http';
import { secretToken } from '../../support/token-issuer.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { Conversation, eachOf } from '../../support/conversation.js';
import { residentBytes } from '../../support/footprint.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { json } from '../../tokens/introspection-server.js';

/** Set another number with `CACHED_TOKENS=1000000 npx jest caches --testTimeout=7200000`. */
const TOKENS = Number(process.env.CACHED_TOKENS ?? 4_000);
const SECRET = 'a-secret-of-thirty-two-bytes-or-so';
const MEBI = 2 ** 20;

let ground: Ground;
// A server that records no requests, because this test measures the memory of the gateway.
const plain = createServer((_req, res) => void res.end('ok'));
beforeAll(async () => {
  const port = await listening(plain);
  ground = await openGround({
    upstreams: `  - { name: plain, endpoints: ["127.0.0.1:${port}"] }`,
    replaceAuth: true,
    auth: `
    jwt: { secret: ${SECRET} }
    oauth: { introspection_url: "INTROSPECTION/introspect", client_id: loom, client_secret: secret-of-the-client, cache_size: 100, throttle: false }`,
    replaceRoutes: true,
    routes: `
  - { path: /jwt/*, upstream: plain, auth: { jwt: true } }
  - { path: /oauth/*, upstream: plain, auth: { oauth: true } }`,
  });
});
afterAll(async () => {
  await closeGrounds();
  plain.closeAllConnections();
  await closed(plain);
});

/** Sends each token once over ten connections. Returns the statuses. */
async function askAll(path: string, tokens: readonly string[]): Promise<ReadonlySet<number>> {
  const statuses = new Set<number>();
  const clients = Array.from({ length: 10 }, () => new Conversation(ground.port));
  const share = Math.ceil(tokens.length / clients.length);
  await eachOf([...clients.entries()], clients.length, async ([at, client]) => {
    for (const token of tokens.slice(at * share, (at + 1) * share))
      statuses.add((await client.send(get(path, `Authorization: Bearer ${token}`)).reply())?.status ?? 0);
    client.close();
  });
  return statuses;
}

const ROUND = 1_000;
/** Several rounds of a thousand new tokens. Returns the memory after each. */
async function rounds(path: string, tokenOf: (at: number) => Promise<string>, status: number) {
  const memory: number[] = [];
  for (let from = 0; from < TOKENS; from += ROUND) {
    const tokens = await Promise.all(Array.from({ length: ROUND }, (_, at) => tokenOf(from + at)));
    expect(await askAll(path, tokens)).toEqual(new Set([status]));
    memory.push(residentBytes(ground.pid));
  }
  if (process.env.CACHED_TOKENS)
    console.log(path, status, 'resident MiB', memory.map((each) => Math.round(each / MEBI)).join(' '));
  return memory;
}

const grown = (memory: readonly number[]): number =>
  (memory.at(-1) ?? 0) - (memory[Math.floor(memory.length / 4)] ?? 0);

describe('DOS-13 the memory of caches', () => {
  test(`${TOKENS} good tokens: no more than the cache may hold`, async () => {
    const filler = 'x'.repeat(1_000);
    const memory = await rounds('/jwt/x', (at) => secretToken(SECRET, { sub: `s${at}`, filler }), 200);
    expect(grown(memory)).toBeLessThan(150 * MEBI);
  });

  test(`${TOKENS} bad tokens leave nothing in memory`, async () => {
    const memory = await rounds(
      '/jwt/x',
      (at) => secretToken('another-secret-of-thirty-two-bytes', { sub: `s${at}` }),
      401,
    );
    expect(grown(memory)).toBeLessThan(100 * MEBI);
  });

  test('a cache of a hundred keeps a hundred: of a thousand the first is introspected again, the last is not', async () => {
    const asked = (): number => ground.introspection.asked.length;
    await askAll(
      '/oauth/x',
      Array.from({ length: 1_000 }, (_, at) => `opaque-${at}`),
    );
    expect(asked()).toBe(1_000);
    await askAll('/oauth/x', ['opaque-0']);
    expect(asked()).toBe(1_001);
    await askAll('/oauth/x', ['opaque-0']);
    expect(asked()).toBe(1_001);
  });

  test('forged tokens do not evict an honest one', async () => {
    const yes = ground.introspection.answer;
    await askAll('/oauth/x', ['honest']);
    ground.introspection.answer = json({ active: false });
    expect(
      await askAll(
        '/oauth/x',
        Array.from({ length: 500 }, (_, at) => `made-up-${at}`),
      ),
    ).toEqual(new Set([401]));
    const asked = ground.introspection.asked.length;
    expect(await askAll('/oauth/x', ['honest'])).toEqual(new Set([200]));
    expect(ground.introspection.asked.length).toBe(asked);
    ground.introspection.answer = yes;
  });

  test('twin: one token, sent a thousand times, is introspected once', async () => {
    const asked = ground.introspection.asked.length;
    expect(
      await askAll(
        '/oauth/x',
        Array.from({ length: 1_000 }, () => 'again'),
      ),
    ).toEqual(new Set([200]));
    expect(ground.introspection.asked.length - asked).toBe(1);
  });
});
