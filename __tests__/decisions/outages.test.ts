/** What is decided of keys, answers and budgets while something is slow, down or spent. */
import { hashSync } from 'bcryptjs';
import { hasAudience } from '../../src/tokens/introspection-claims.js';
import { Introspection } from '../../src/tokens/introspection.js';
import { RemoteKeySet } from '../../src/tokens/key-set.js';
import { keyFromJwk, type VerificationKey } from '../../src/tokens/verification-key.js';
import { askedServer, json } from '../tokens/introspection-server.js';
import { signingKey } from '../tokens/signing.js';
import { closeSites, fileOf, site } from './site.js';

const keyOf = (kid: string): VerificationKey => keyFromJwk({ ...signingKey('ES256').jwk, kid });
const [first, second] = [keyOf('first'), keyOf('second')];
const MAX_AGE = 600_000;
const STALE = 3_600_000;

const closing: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await closeSites();
  jest.useRealTimers();
});

/** A key set over an issuer whose answers a test settles, and a clock that a test moves without the timers. */
function keySet() {
  jest.useFakeTimers();
  const clock = { now: 1_000_000 };
  const issuer: { answer: () => Promise<readonly VerificationKey[]> } = { answer: () => Promise.resolve([first]) };
  const set = new RemoteKeySet({
    load: () => issuer.answer(),
    now: () => clock.now,
    maxAgeMs: MAX_AGE,
    staleIfErrorMs: STALE,
    report: () => undefined,
  });
  closing.push(() => set.close());
  const kids = async (kid: string): Promise<string> => {
    const answer = await set.find({ kid, alg: 'ES256' });
    return answer.kind === 'keys' ? answer.keys.map((each) => each.kid).join() : answer.kind;
  };
  return { clock, issuer, set, kids };
}

describe('a key set whose age is over', () => {
  test('serves no key while nothing says that the issuer is down: the machine may have slept', async () => {
    const { clock, issuer, set, kids } = keySet();
    await set.ready;
    expect(await kids('first')).toBe('first');
    issuer.answer = () => Promise.resolve([second]);
    clock.now += MAX_AGE;
    expect(set.holds(first.thumbprint)).toBe(false);
    expect(await kids('second')).toBe('second');
    expect(await kids('first')).toBe('unknown');
    expect(set.holds(first.thumbprint)).toBe(false);
  });

  test('twin: serves its keys a moment before, and through an outage', async () => {
    const { clock, issuer, set, kids } = keySet();
    await set.ready;
    issuer.answer = () => Promise.reject(new Error('down'));
    clock.now += MAX_AGE - 1;
    expect(await kids('first')).toBe('first');
    await jest.advanceTimersByTimeAsync(0);
    clock.now += STALE;
    expect(await kids('first')).toBe('first');
    clock.now += 1;
    expect(await kids('first')).toBe('unavailable');
  });

  test('is as old as the question, not as the answer', async () => {
    const { clock, issuer, set, kids } = keySet();
    await set.ready;
    let arrive: (keys: readonly VerificationKey[]) => void = () => undefined;
    issuer.answer = () => new Promise((resolve) => (arrive = resolve));
    clock.now += MAX_AGE;
    const waiting = kids('first');
    clock.now += 4_000;
    arrive([first]);
    expect(await waiting).toBe('first');
    clock.now += MAX_AGE - 4_000;
    issuer.answer = () => Promise.resolve([second]);
    expect(set.holds(first.thumbprint)).toBe(false);
    expect(await kids('second')).toBe('second');
  });
});

describe('a kid that the set does not have', () => {
  test('is in doubt while the issuer does not answer, and after five seconds, too', async () => {
    const { issuer, set, kids } = keySet();
    await set.ready;
    issuer.answer = () => new Promise(() => undefined);
    const asked = kids('second');
    // An answer that arrives at the deadline is read first.
    await jest.advanceTimersByTimeAsync(5_001);
    expect(await asked).toBe('unavailable');
    expect(await kids('first')).toBe('first');
  });

  test('twin: is unknown once the issuer has answered without it', async () => {
    const { set, kids } = keySet();
    await set.ready;
    expect(await kids('second')).toBe('unknown');
  });
});

test.each([[[]], [undefined], [null], ['other'], [['other', 7]], [{ api: 'api' }], [[['api']]], ['API'], [['']]])(
  'a token for %j is for no audience of ours',
  (aud) => {
    expect(hasAudience({ aud }, ['api'])).toBe(false);
    expect(hasAudience({ aud: ['other', 'api'] }, ['api'])).toBe(true);
    expect(hasAudience({ aud: 'api' }, ['api'])).toBe(true);
  },
);

describe('introspected answers', () => {
  async function introspection() {
    const clock = { now: 1_800_000_000_000 };
    const server = await askedServer(json({ active: true, sub: 'ada' }));
    const asking = (clientId: string, more = {}) => {
      const made = new Introspection({
        ...{ url: `${server.origin}/introspect`, clientId, clientSecret: 's', authMethod: 'basic' as const },
        ...{ timeoutMs: 5_000, allowInsecureHttp: false, cacheTtlMs: 300_000, cacheSize: 100 },
        now: () => clock.now,
        report: () => undefined,
        ...more,
      });
      closing.push(() => made.close());
      return made;
    };
    closing.push(() => server.close());
    return { clock, server, asking };
  }

  test('that were shared by one client are no answers to another one', async () => {
    const { server, asking } = await introspection();
    const shelf = new Map<string, unknown>();
    const shared = {
      get: (parts: readonly string[]) => Promise.resolve(shelf.get(JSON.stringify(parts))),
      put: (parts: readonly string[], entry: unknown) => void shelf.set(JSON.stringify(parts), entry),
    };
    expect(await asking('one', { shared }).ask('token')).toMatchObject({ kind: 'active' });
    server.answer = json({ active: false });
    expect(await asking('two', { shared }).ask('token')).toMatchObject({ kind: 'inactive' });
    expect(await asking('one', { shared }).ask('token')).toMatchObject({ kind: 'active' });
  });

  test('that say no are asked again after ten seconds, and never say yes during an outage', async () => {
    const { clock, server, asking } = await introspection();
    const one = asking('one');
    server.answer = json({ active: false });
    expect(await one.ask('token')).toMatchObject({ kind: 'inactive' });
    server.answer = json({}, 500);
    clock.now += 9_999;
    expect(await one.ask('token')).toMatchObject({ kind: 'inactive' });
    clock.now += 1;
    await expect(Promise.resolve(one.ask('token'))).rejects.toThrow();
    server.answer = json({ active: true, sub: 'ada' });
    expect(await one.ask('token')).toMatchObject({ kind: 'active' });
  });

  test('that the server takes back are over for every later request', async () => {
    const { clock, server, asking } = await introspection();
    const one = asking('one');
    expect(await one.ask('token')).toMatchObject({ kind: 'active' });
    server.answer = json({ active: false });
    clock.now += 300_000;
    expect(await one.ask('token')).toMatchObject({ kind: 'inactive' });
    server.answer = json({}, 500);
    expect(await one.ask('token')).toMatchObject({ kind: 'inactive' });
  });

  test('of a server that answers with an error do not block the next introspection', async () => {
    const { server, asking } = await introspection();
    const one = asking('one');
    server.answer = json({}, 500);
    for (let at = 0; at < 20; at++) await expect(Promise.resolve(one.ask(`bad-${at}`))).rejects.toThrow();
    server.answer = json({ active: true, sub: 'ada' });
    expect(await one.ask('good')).toMatchObject({ kind: 'active' });
  });
});

describe('a spent budget of passwords', () => {
  const file = `${fileOf(
    `basic: { throttle: { failures: 2, per: 1h }, users: [{ username: ada, password_hash: "${hashSync('right', 8)}" }] }`,
    '{ basic: true }',
  )}trusted_proxies: [127.0.0.1]\n`;
  const from = (address: string, password: string) => ({
    headers: {
      'X-Forwarded-For': address,
      Authorization: `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`,
    },
  });
  const [HOME, ELSEWHERE] = ['203.0.113.1', '203.0.113.2'];

  test('lets a remembered pair in from where it came before, and the same pair from nowhere else', async () => {
    const { ask } = await site(file);
    expect(await ask(from(HOME, 'right'))).toBe('200 basic:ada');
    for (const address of [HOME, ELSEWHERE]) {
      for (const password of ['one', 'two']) expect(await ask(from(address, password))).toBe('401');
      expect(await ask(from(address, 'three'))).toBe('429');
    }
    expect(await ask(from(HOME, 'right'))).toBe('200 basic:ada');
    expect(await ask(from(ELSEWHERE, 'right'))).toBe('429');
    expect(await ask(from('203.0.113.3', 'right'))).toBe('200 basic:ada');
  });

  test('does not share the password comparison of another client address', async () => {
    const { ask } = await site(file);
    for (const password of ['one', 'two']) expect(await ask(from(ELSEWHERE, password))).toBe('401');
    const honest = ask(from(HOME, 'right'));
    const guesses = Array.from({ length: 5 }, () => ask(from(ELSEWHERE, 'right')));
    expect(await honest).toBe('200 basic:ada');
    expect(await Promise.all(guesses)).toEqual(Array(5).fill('429'));
  });
});
