/** Many tokens at once: how often a server is asked, and where a token is written. */
import { spawnSync } from 'node:child_process';
import { statusOf } from '../../support/ask.js';
import { CLIENT_SECRET, closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { introspected, yes, type Introspected } from '../../support/introspected.js';
import { bearer } from '../../support/token-issuer.js';
import { json, raw, type Answer } from '../../tokens/introspection-server.js';

afterAll(closeGrounds);

const CROWD = 2_000;
/** The same limit as in `introspection.ts`. */
const AT_ONCE = 64;

/** Counts the responses of each status. */
async function crowd(at: Introspected, token: (of: number) => string, size = CROWD): Promise<Record<number, number>> {
  const answers = await Promise.all(
    Array.from({ length: size }, (_one, of) => at.ground.ask('/oauth/x', bearer(token(of)))),
  );
  const counted: Record<number, number> = {};
  for (const { status } of answers) counted[status] = (counted[status] ?? 0) + 1;
  at.ground.arrived();
  return counted;
}

const later =
  (ms: number, answer: Answer): Answer =>
  (asked, to) =>
    void setTimeout(() => void answer(asked, to), ms);
const megabytes = (pid: number): number =>
  Number(spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).stdout) / 1_024;

describe('INT-10 a crowd causes only the necessary introspections', () => {
  let at: Introspected;
  beforeAll(async () => (at = await introspected()));

  test('2,000 forged tokens: 64 introspections at once, each cached as inactive, and constant memory', async () => {
    let [now, most] = [0, 0];
    at.ground.introspection.answer = (asked, to) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        void json({ active: false })(asked, to);
      }, 5);
    };
    const { asked } = at.ground.introspection;
    const first = await crowd(at, (of) => `made-up-${of}`);
    // 503 for those that timed out.
    expect((first[401] ?? 0) + (first[503] ?? 0)).toBe(CROWD);
    expect(first[401]).toBeLessThanOrEqual(asked.length);
    expect(asked.length).toBeLessThanOrEqual(CROWD);
    expect(most).toBeLessThanOrEqual(AT_ONCE);
    const before = megabytes(at.ground.pid);
    await crowd(at, (of) => `made-up-again-${of}`, CROWD / 2);
    expect(most).toBeLessThanOrEqual(AT_ONCE);
    expect(megabytes(at.ground.pid) - before).toBeLessThan(96);
    const answered = asked.length;
    const token = new URLSearchParams(asked.at(-1)?.body).get('token') ?? '';
    expect(statusOf(await at.ground.send(get('/oauth/x', `Authorization: Bearer ${token}`)))).toBe(401);
    expect(asked.length).toBe(answered);
  });

  test('a failed introspection is repeated, once for all waiting requests', async () => {
    const { introspection } = at.ground;
    introspection.answer = later(200, raw(500, ''));
    const before = introspection.asked.length;
    const some = Array.from({ length: 20 }, () => at.ground.send(get('/oauth/x', 'Authorization: Bearer failing')));
    expect((await Promise.all(some)).map(statusOf)).toEqual(Array.from({ length: 20 }, () => 503));
    expect(introspection.asked.length).toBeLessThan(before + 20);
    introspection.answer = yes();
    expect(statusOf(await at.ground.send(get('/oauth/x', 'Authorization: Bearer failing')))).toBe(200);
    at.ground.arrived();
  });

  test('twin: 2,000 requests with one good token all pass after one introspection', async () => {
    at.ground.introspection.answer = later(300, yes());
    const before = at.ground.introspection.asked.length;
    expect(await crowd(at, () => 'good')).toEqual({ 200: CROWD });
    expect(at.ground.introspection.asked.length).toBe(before + 1);
  });
});

describe('INT-18 a token is sent only to its introspection server', () => {
  const TOKEN = 'opaque-and-secret-f00d';
  const ANSWERS: readonly (readonly [string, Answer, number])[] = [
    ['no', json({ active: false, error_description: TOKEN }), 401],
    ['yes to another type', yes({ token_type: 'refresh_token', sub: TOKEN }), 401],
    ['nothing', (_asked, to) => void to.destroy(), 503],
    ['an error that contains it', raw(500, `token=${TOKEN}`, { 'x-token': TOKEN, 'retry-after': TOKEN }), 503],
    ['a page that contains it', raw(200, `<p>${TOKEN}</p>`), 503],
    ['a redirect that contains it', raw(302, '', { location: `/?token=${TOKEN}` }), 503],
  ];

  let ground: Ground;
  beforeAll(async () => {
    ground = await openGround({
      auth: '\n    chain: [jwt, oauth]\n    require_any: true',
      top: 'logging: { level: trace, access: { enabled: true } }',
    });
    ground.secrets.push(TOKEN, Buffer.from(`loom:${CLIENT_SECRET}`).toString('base64'));
  });

  test.each(ANSWERS)(
    'if it answers %s, no log, response or upstream contains the token',
    async (what, answer, status) => {
      const token = `${TOKEN}-${what.length}`;
      ground.introspection.answer = answer;
      ground.introspection.asked.length = 0;
      const told = await ground.send(get(`/oauth/x?token=${token}`, `Authorization: Bearer ${token}`));
      expect(statusOf(told)).toBe(status);
      expect(told).not.toContain(TOKEN);
      expect(ground.arrived()).toEqual([]);
      // A connection that ends may be retried.
      expect(ground.introspection.asked.length).toBeGreaterThan(0);
      for (const { method, url, headers, body } of ground.introspection.asked) {
        expect([method, url, body]).toEqual(['POST', '/introspect', `token=${token}`]);
        expect(JSON.stringify(headers)).not.toContain(TOKEN);
      }
      expect(ground.issuer.asked.filter(({ url }) => url.includes(TOKEN))).toEqual([]);
    },
  );

  test('in the query it is not a token', async () => {
    ground.introspection.asked.length = 0;
    for (const name of ['token', 'access_token', 'bearer'])
      expect(statusOf(await ground.send(get(`/oauth/x?${name}=${TOKEN}`)))).toBe(401);
    expect(ground.introspection.asked).toEqual([]);
  });

  test('twin: an accepted token is forwarded in its own field, or not at all if the file says so', async () => {
    for (const [more, fields] of [
      ['', [['authorization', `Bearer ${TOKEN}`]]],
      [', forward_credentials: false', []],
    ] as const) {
      const at = await introspected(more);
      at.ground.secrets.push(TOKEN);
      expect(statusOf(await at.ground.send(get('/oauth/x', `Authorization: Bearer ${TOKEN}`)))).toBe(200);
      const [message] = at.ground.arrived();
      expect(message?.fields.filter(([, value]) => value.includes(TOKEN))).toEqual(fields);
      expect(message?.target).toBe('/oauth/x');
    }
  });
});
