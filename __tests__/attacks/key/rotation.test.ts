/** Several keys of one name: one caller with one budget, and a session of its own for each key. */
import { apiKey } from '../../../src/auth/methods/api-key/api-key.js';
import { MethodsInUse } from '../../../src/auth/methods-in-use.js';
import type { Identity } from '../../../src/auth/identity.js';
import { attemptOf } from '../../../src/auth/combine.js';
import { errorsOf } from '../../config/files.js';
import { closeFronted, fronted, frontFile } from '../../support/fronted.js';
import { getWith, judging, type Judge } from '../../support/judge.js';
import { deps } from '../../support/method-server.js';

const [FIRST, SECOND] = ['sk-first-key-of-alice', 'sk-second-key-of-alice'];
const keysOf = (...keys: readonly object[]): string => `api_key: { keys: ${JSON.stringify(keys)} }`;
const file = (...keys: readonly object[]): string =>
  `middleware: { auth: { ${keysOf(...keys)} } }\nroutes: [{ id: all, path: /*, auth: { api_key: true } }]\n`;

let judge: Judge;
beforeAll(async () => (judge = await judging()));
afterAll(async () => {
  await closeFronted();
  await judge.close();
});

describe('G-21 two keys of one name', () => {
  test.each<[string, object, object, RegExp]>([
    ['another rate', { rate_limit: 5 }, { rate_limit: 6 }, /"rate_limit"/],
    ['a rate of one alone', { rate_limit: 5 }, {}, /"rate_limit"/],
    ['other addresses', { allowed_ips: ['10.0.0.0/8'] }, { allowed_ips: ['11.0.0.0/8'] }, /"allowed_ips"/],
    ['addresses of one alone', {}, { allowed_ips: ['10.0.0.0/8'] }, /"allowed_ips"/],
  ])('with %s are an error', (_what, first, second, message) => {
    const [error] = errorsOf(file({ key: FIRST, name: 'alice', ...first }, { key: SECOND, name: 'alice', ...second }));
    expect(error?.path).toBe('middleware.auth.api_key.keys[1].name');
    expect(error?.message).toMatch(message);
  });

  test('the same key twice is an error, also with another end', () => {
    expect(
      errorsOf(file({ key: FIRST, name: 'alice' }, { key: FIRST, name: 'alice', expires: '2031-01-01' })),
    ).toHaveLength(1);
  });

  test('twin: keys that differ in their end load, and each passes until its end', async () => {
    const limits = { rate_limit: { rate: 100, burst: 100 }, allowed_ips: ['127.0.0.0/8', '::1'] };
    const other = { ...limits, allowed_ips: ['::1', '127.0.0.0/8'] };
    let now = Date.parse('2030-12-31T23:59:59Z');
    const text = keysOf(
      { key: FIRST, name: 'alice', expires: '2031-01-01', ...limits },
      { key: SECOND, name: 'alice', ...other },
    );
    const at = await fronted(frontFile(text, '{ api_key: { names: [alice] } }'), { now: () => now });
    const ask = (key: string): Promise<string> => at.ask({ headers: { 'X-API-Key': key } });
    expect([await ask(FIRST), await ask(SECOND)]).toEqual(['200 api_key:alice', '200 api_key:alice']);
    now += 1_000;
    expect([await ask(FIRST), await ask(SECOND)]).toEqual(['401', '200 api_key:alice']);
  });

  test('share one budget', async () => {
    const rate_limit = { rate: 1, burst: 2 };
    const text = keysOf({ key: FIRST, name: 'alice', rate_limit }, { key: SECOND, name: 'alice', rate_limit });
    const at = await fronted(frontFile(text, '{ api_key: true }'), { now: () => 1_800_000_000_000 });
    const ask = (key: string): Promise<string> => at.ask({ headers: { 'X-API-Key': key } });
    expect(await ask(FIRST)).toBe('200 api_key:alice');
    expect(await ask(SECOND)).toBe('200 api_key:alice');
    expect(await ask(SECOND)).toBe('429');
    expect(await ask(FIRST)).toBe('429');
  });
});

describe('G-21 the session of a key that is revoked', () => {
  const inUse = (...keys: readonly object[]): MethodsInUse =>
    new MethodsInUse([{ name: 'api_key', type: 'api_key', options: apiKey.options.parse({ keys }) }], {}, deps);
  const identityBy = (methods: MethodsInUse, key: string): Promise<Identity> =>
    judge.ask(getWith(`X-API-Key: ${key}`), async (request) => {
      const verdict = await methods.compiled.get('api_key')?.authenticate(attemptOf(request));
      if (verdict?.kind !== 'granted') throw new Error('refused');
      return verdict.identities[0] as Identity;
    });
  const [first, second] = [
    { key: FIRST, name: 'alice' },
    { key: SECOND, name: 'alice' },
  ];

  test('ends, although another key of the name stays', async () => {
    const before = inUse(first, second);
    const [one, two] = [await identityBy(before, FIRST), await identityBy(before, SECOND)];
    const after = inUse(second);
    expect([after.vouchesFor(one, before), after.vouchesFor(two, before)]).toEqual([false, true]);
    const none = inUse({ key: 'sk-key-of-bob', name: 'bob' });
    expect([none.vouchesFor(one, before), none.vouchesFor(two, before)]).toEqual([false, false]);
  });

  test('ends where its end or its addresses change', async () => {
    const before = inUse(first, second);
    const one = await identityBy(before, FIRST);
    for (const change of [{ expires: '2031-01-01' }, { allowed_ips: ['10.0.0.0/8'] }, { name: 'mallory' }]) {
      expect(inUse({ ...first, ...change }).vouchesFor(one, before)).toBe(false);
    }
  });

  test('twin: goes on where another key is added or removed', async () => {
    const before = inUse(first);
    const one = await identityBy(before, FIRST);
    expect(inUse(second, first).vouchesFor(one, before)).toBe(true);
    expect(inUse(first, { key: 'sk-key-of-bob', name: 'bob' }).vouchesFor(one, before)).toBe(true);
  });
});
