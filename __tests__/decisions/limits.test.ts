/** What is decided where several limits, exemptions and identities meet. */
import { limitKey } from '../../src/limit/keys.js';
import { MemoryLimiter } from '../../src/limit/limiter.js';
import { LONG_SECRET, signedBySecret } from '../tokens/signing.js';
import { seconds } from '../support/token-issuer.js';
import { closeSites, fileOf, site, type Site } from './site.js';

afterEach(closeSites);

const KEYS = `api_key: { claims_to_headers: { name: X-Key-Name }, keys: [
  { key: key-of-alice, name: alice, rate_limit: { rate: 0.001, burst: 4 } }, { key: key-of-bob, name: bob }] }`;
const JWT = `jwt: { algorithm: HS256, secret: "${LONG_SECRET}", audience: api }`;
const ALICE = { 'X-API-Key': 'key-of-alice' };
const BOB = { 'X-API-Key': 'key-of-bob' };

const limited = (limit: string, auth = '{ api_key: true }', more = ''): Promise<Site> =>
  site(`${fileOf(`${KEYS}, ${JWT}`, auth, more)}rate_limit: { ${limit} }\ntrusted_proxies: [127.0.0.1]\n`);

/** How many of ten requests pass. */
async function passed({ ask }: Site, headers: Record<string, string>, path = '/'): Promise<number> {
  let count = 0;
  for (let at = 0; at < 10; at++) {
    const answer = await ask({ headers, path });
    if (answer.startsWith('200')) count += 1;
    else expect(answer).toBe('429');
  }
  return count;
}

describe('a key with a limit of its own', () => {
  test.each<[string, string, string, number, number]>([
    ['replaces the common one, be it smaller', 'rate: 0.001, burst: 2', '', 4, 2],
    ['replaces it, be it larger', 'rate: 0.001, burst: 7', '', 4, 7],
    [
      'counts beside a smaller one of the route',
      'rate: 100, burst: 100',
      ', rate_limit: { rate: 0.001, burst: 3 }',
      3,
      3,
    ],
    [
      'counts beside a larger one of the route',
      'rate: 100, burst: 100',
      ', rate_limit: { rate: 0.001, burst: 6 }',
      4,
      6,
    ],
    [
      'counts for an exempt address',
      'rate: 0.001, burst: 2, exemptions: [{ type: ip, values: [127.0.0.0/8] }]',
      '',
      4,
      10,
    ],
    ['counts for an exempt path', 'rate: 0.001, burst: 2, exemptions: [{ type: path, values: ["/*"] }]', '', 4, 10],
    ['counts beside a quota', 'rate: 100, burst: 100, quotas: [{ name: day, window: 1d, limit: 3 }]', '', 3, 3],
    ['counts beside a larger quota', 'rate: 100, burst: 100, quotas: [{ name: day, window: 1d, limit: 6 }]', '', 4, 6],
  ])('%s', async (_what, limit, more, alice, bob) => {
    const made = await limited(limit, '{ api_key: true }', more);
    expect(await passed(made, ALICE)).toBe(alice);
    expect(await passed(made, BOB)).toBe(bob);
  });

  test('applies also if the identity header is exempt, and that header from a client exempts no request', async () => {
    const exempt = 'rate: 0.001, burst: 2, exemptions: [{ type: header, name: X-Key-Name, value: alice }]';
    const made = await limited(exempt);
    expect(await passed(made, { ...BOB, 'X-Key-Name': 'alice' })).toBe(2);
    expect(await passed(made, ALICE)).toBe(4);
  });
});

test('what one bucket refuses is taken from no other one', () => {
  const limiter = new MemoryLimiter(() => 1_000);
  const rate = (burst: number) => ({ rate: 0.001, perMs: 1_000, burst });
  const [small, large] = [
    { key: 'small', rate: rate(1) },
    { key: 'large', rate: rate(3) },
  ];
  expect(limiter.takeAll([small, large]).allowed).toBe(true);
  for (let at = 0; at < 5; at++) expect(limiter.takeAll([large, small]).allowed).toBe(false);
  expect(limiter.takeAll([large])).toMatchObject({ allowed: true, remaining: 1 });
});

test('the header of a key exempts a request only if the key granted it', async () => {
  const exempt = 'rate: 0.001, burst: 2, exemptions: [{ type: header, name: X-API-Key, value: key-of-bob }]';
  const made = await limited(exempt, '{ methods: [jwt, api_key] }');
  const token = await signedBySecret({ sub: 'ada', aud: 'api', exp: seconds() + 600 });
  expect(await passed(made, { Authorization: `Bearer ${token}`, ...BOB })).toBe(2);
  expect(await passed(made, BOB)).toBe(10);
});

test('one subject of one issuer has a bucket for each method', () => {
  const keyOf = (method: string): string =>
    limitKey([{ kind: 'identity' }], {
      ...{ address: '203.0.113.1', path: '/*', header: () => undefined, claim: () => undefined },
      identity: { method, issuer: 'https://id.example', subject: 'ada' },
    });
  expect(keyOf('jwt')).not.toBe(keyOf('oauth'));
  expect(keyOf('jwt')).toBe(keyOf('jwt'));
});

describe('two identities of one name', () => {
  test('have a bucket each, by their method and issuer', async () => {
    const made = await limited('rate: 0.001, burst: 2', '{ methods: [jwt, api_key] }');
    const token = await signedBySecret({ sub: 'bob', aud: 'api', exp: seconds() + 600 });
    const issued = await signedBySecret({ sub: 'bob', iss: 'https://id.example', aud: 'api', exp: seconds() + 600 });
    expect(await passed(made, BOB)).toBe(2);
    expect(await passed(made, { Authorization: `Bearer ${token}` })).toBe(2);
    expect(await passed(made, { Authorization: `Bearer ${issued}` })).toBe(2);
  });
});

describe('a limit by address', () => {
  test('is counted before the method: a wrong key spends it', async () => {
    const { ask } = await limited('rate: 0.001, burst: 3, key: ip');
    const answers = [];
    for (let at = 0; at < 4; at++) answers.push(await ask({ headers: { 'X-API-Key': 'wrong' } }));
    expect(answers).toEqual(['401', '401', '401', '429']);
    expect(await ask({ headers: BOB })).toBe('429');
  });

  test('and one of the key must both be left', async () => {
    const five = await limited('rate: 0.001, burst: 5, key: ip');
    expect(await passed(five, ALICE)).toBe(4);
    const three = await limited('rate: 0.001, burst: 3, key: ip');
    expect(await passed(three, ALICE)).toBe(3);
  });

  test('reports the tighter of the two limits in the response headers', async () => {
    const { port } = await limited('rate: 0.001, burst: 9, key: ip');
    const { headers } = await fetch(`http://127.0.0.1:${port}/`, { headers: ALICE });
    expect(headers.get('ratelimit-remaining') ?? headers.get('ratelimit')).toMatch(/\b3\b/);
    const tight = await limited('rate: 0.001, burst: 2, key: ip');
    const second = await fetch(`http://127.0.0.1:${tight.port}/`, { headers: ALICE });
    expect(second.headers.get('ratelimit-remaining') ?? second.headers.get('ratelimit')).toMatch(/\b1\b/);
  });
});

describe('a tier', () => {
  test('of a claim replaces the common rate beside a limit by address, too', async () => {
    const made = await limited(
      'rate: 0.001, burst: 2, key: ip, tiers: [{ name: gold, match: { claim: plan, value: gold }, rate: 0.001, burst: 5 }]',
      '{ jwt: true }',
    );
    const of = async (plan: string, address: string) => ({
      Authorization: `Bearer ${await signedBySecret({ sub: plan, plan, aud: 'api', exp: seconds() + 600 })}`,
      'X-Forwarded-For': address,
    });
    expect(await passed(made, await of('gold', '203.0.113.1'))).toBe(5);
    expect(await passed(made, await of('none', '203.0.113.2'))).toBe(2);
  });

  test('that the client picks is no new bucket for each name', async () => {
    const made = await limited(
      'rate: 0.001, burst: 2, tiers: [{ name: fast, match: { header: X-Plan, value: fast }, rate: 0.001, burst: 3 }]',
      '{ jwt: true }',
    );
    const of = async (sub: string, address: string) => ({
      Authorization: `Bearer ${await signedBySecret({ sub, aud: 'api', exp: seconds() + 600 })}`,
      'X-Forwarded-For': address,
      'X-Plan': 'fast',
    });
    expect(await passed(made, await of('a', '203.0.113.1'))).toBe(3);
    expect(await passed(made, await of('a', '203.0.113.1'))).toBe(0);
    expect(await passed(made, await of('b', '203.0.113.1'))).toBe(3);
    expect(await passed(made, await of('a', '203.0.113.9'))).toBe(3);
  });
});
