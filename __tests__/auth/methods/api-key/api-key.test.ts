import { createHash } from 'node:crypto';
import { requestStateOf } from '../../../../src/http/request-state.js';
import { apiKey } from '../../../../src/auth/methods/api-key/api-key.js';
import { apiKeyOptions } from '../../../../src/auth/methods/api-key/options.js';
import { atWork, serveMethod, type MethodServer } from '../../../support/method-server.js';

const servers: MethodServer[] = [];
const open = async (...given: Parameters<typeof serveMethod>) => {
  const server = await serveMethod(...given);
  servers.push(server);
  return server;
};
afterAll(() => Promise.all(servers.map((each) => each.close())));

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const messages = (block: unknown) => apiKey.options.safeParse(block).error?.issues.map((each) => each.message) ?? [];
const denied = {
  kind: 'rejected',
  status: 401,
  reason: 'credential_invalid',
  challenges: [{ scheme: 'ApiKey', params: { realm: 'loom' } }],
};

const page = {
  header: 'X-API-Key',
  keys: [
    { key: 'sk_live_abc123', name: 'production', rate_limit: 1000 },
    { key: 'sk_test_xyz789', name: 'development', rate_limit: 100 },
  ],
};

describe('a server with the keys of the Loom page', () => {
  let server: MethodServer;
  beforeAll(async () => {
    server = await open(atWork(apiKey, { ...page, query_param: 'api_key' }));
  });

  test('grants a key in the header, with its name and its own limit', async () => {
    expect(await server.ask(['x-api-key: sk_live_abc123'])).toEqual({
      kind: 'granted',
      identities: [
        {
          method: 'api_key',
          subject: 'production',
          name: 'production',
          scopes: [],
          claims: { name: 'production' },
          rateLimit: { rate: 1000, perMs: 1000, burst: 1000 },
        },
      ],
    });
  });

  test('grants a key in the query, also percent-encoded', async () => {
    expect(await server.ask([], '/a?x=1&api_key=sk_test_xyz789')).toMatchObject({
      kind: 'granted',
      identities: [{ subject: 'development' }],
    });
    expect(await server.ask([], '/a?api%5Fkey=sk%5Ftest_xyz789')).toMatchObject({ kind: 'granted' });
  });

  test('is absent without a key, and for a key in a place that is not configured', async () => {
    const absent = { kind: 'absent', challenges: denied.challenges };
    expect(await server.ask()).toEqual(absent);
    expect(await server.ask(['Authorization: Bearer sk_live_abc123'])).toEqual(absent);
    expect(await server.ask(['Cookie: api_key=sk_live_abc123'])).toEqual(absent);
    expect(await server.ask([], '/a?API_KEY=sk_live_abc123')).toEqual(absent);
  });

  test.each([
    ['unknown', ['X-API-Key: nope'], 'nope'],
    ['of two joined by a comma', ['X-API-Key: sk_live_abc123, bad'], 'sk_live_abc123, bad'],
    ['followed by a no-break space', ['X-API-Key: sk_live_abc123\u00a0'], 'sk_live_abc123\u00a0'],
    ['in another case', ['X-API-Key: SK_LIVE_ABC123'], 'SK_LIVE_ABC123'],
    ['__proto__', ['X-API-Key: __proto__'], '__proto__'],
    ['constructor', ['X-API-Key: constructor'], 'constructor'],
    ['undefined', ['X-API-Key: undefined'], 'undefined'],
    ['the hash of a key', [`X-API-Key: ${sha256('sk_live_abc123')}`], sha256('sk_live_abc123')],
  ])('rejects a key that is %s like any unknown key', async (_what, lines, credential) => {
    expect(await server.ask(lines)).toEqual({ ...denied, credential });
  });

  test('trims white space around the header value, as the parser does', async () => {
    expect(await server.ask(['X-API-Key: \t sk_live_abc123 \t'])).toMatchObject({ kind: 'granted' });
  });

  test.each([
    ['two headers', ['X-API-Key: bad', 'X-API-Key: sk_live_abc123'], '/'],
    ['a header, and another key in a query', ['X-API-Key: sk_live_abc123'], '/?api_key=sk_test_xyz789'],
    ['two query parameters', [], '/?api_key=sk_live_abc123&api_key=bad'],
    ['two query parameters, one of them empty', [], '/?api_key=sk_live_abc123&api_key='],
  ])('answers 400 to %s', async (_what, lines, target) => {
    expect(await server.ask(lines, target)).toMatchObject({
      kind: 'rejected',
      status: 400,
      reason: 'credential_duplicate',
    });
  });

  test.each([
    ['the same key in header and query', ['X-API-Key: sk_live_abc123'], '/?api_key=sk_live_abc123', 'granted'],
    ['an empty header beside a query', ['X-API-Key:'], '/?api_key=sk_live_abc123', 'granted'],
    ['an empty query beside a header', ['X-API-Key: sk_live_abc123'], '/?api_key=', 'granted'],
    ['empty places alone', ['X-API-Key: \t'], '/?api_key', 'absent'],
  ])('takes %s as one credential, or none', async (_what, lines, target, kind) => {
    expect(await server.ask(lines, target)).toMatchObject({ kind });
  });

  test('rejects a prototype name in the query', async () => {
    expect(await server.ask([], '/?api_key=__proto__')).toMatchObject(denied);
  });
});

test('the header is read even where the file names only a query parameter', async () => {
  const server = await open(atWork(apiKey, { query_param: 'api_key', keys: page.keys }));
  expect(await server.ask(['X-API-Key: sk_live_abc123'])).toMatchObject({ kind: 'granted' });
  expect(await server.ask([], '/?api_key=sk_live_abc123')).toMatchObject({ kind: 'granted' });
});

test('without keys everything is rejected, and the file is warned about', async () => {
  const server = await open(atWork(apiKey, { query_param: 'api_key' }));
  expect(await server.ask(['X-API-Key: sk_live_abc123'])).toMatchObject(denied);
  expect(apiKey.findings(apiKey.options.parse({}))).toEqual([
    expect.objectContaining({ level: 'warning', path: ['keys'] }),
  ]);
});

test('a hashed key is met by the key, and without a name is known by 12 digits of its digest', async () => {
  const digest = sha256('a-secret-key');
  const server = await open(atWork(apiKey, { keys: [{ key_hash: `sha256:${digest.toUpperCase()}` }] }));
  const subject = `key-${digest.slice(0, 12)}`;
  expect(await server.ask(['X-API-Key: a-secret-key'])).toMatchObject({
    identities: [{ subject, claims: { name: subject } }],
  });
  expect(await server.ask([`X-API-Key: ${digest}`])).toMatchObject(denied);
});

test('a key works until it expires, and is then like an unknown one', async () => {
  let now = Date.parse('2027-01-30T23:59:59.999Z');
  const server = await open(atWork(apiKey, { keys: [{ key: 'k1', expires: '2027-01-31' }] }, { now: () => now }));
  expect(await server.ask(['X-API-Key: k1'])).toMatchObject({
    identities: [{ expiresAt: Date.parse('2027-01-31') / 1000 }],
  });
  now += 1;
  expect(await server.ask(['X-API-Key: k1'])).toEqual({ ...denied, credential: 'k1' });
});

test('a key with allowed_ips is refused with 403 from elsewhere, judged by the address the gateway found', async () => {
  const work = atWork(apiKey, { keys: [{ key: 'k1', allowed_ips: ['10.0.0.0/8', '2001:db8::/32'] }] });
  const refused = { kind: 'rejected', status: 403, reason: 'not_allowed', challenges: [], credential: 'k1' };
  const peer = await open(work);
  expect(await peer.ask(['X-API-Key: k1', 'X-Forwarded-For: 10.1.2.3'])).toEqual(refused);
  const cases: [string, boolean][] = [
    ['10.1.2.3', true],
    ['::ffff:10.1.2.3', true],
    ['2001:db8:1::7', true],
    ['11.0.0.1', false],
    ['2001:db9::1', false],
    ['', false],
    ['unknown', false],
  ];
  for (const [address, granted] of cases) {
    const server = await open(work, (request) => void (requestStateOf(request).clientAddress = address));
    expect((await server.ask(['X-API-Key: k1'])).kind).toBe(granted ? 'granted' : 'rejected');
  }
});

describe('the block', () => {
  test.each([
    ['a number as a key', { keys: [{ key: 12345 }] }],
    ['null as a key', { keys: [{ key: null }] }],
    ['true as a key', { keys: [{ key: true }] }],
    ['an empty key', { keys: [{ key: '' }] }],
    ['a key with a space before it', { keys: [{ key: ' k' }] }],
    ['a key with a line break after it', { keys: [{ key: 'k\n' }] }],
    ['a key with a space in it', { keys: [{ key: 'a b' }] }],
    ['a key with a comma', { keys: [{ key: 'a,b' }] }],
    ['a key with a control character', { keys: [{ key: 'a\u0001b' }] }],
    ['a key beyond ASCII', { keys: [{ key: 'schlüssel' }] }],
    ['an empty list', { keys: [] }],
    ['a key without key or hash', { keys: [{ name: 'a' }] }],
    ['a key with key and hash', { keys: [{ key: 'k', key_hash: `sha256:${sha256('k')}` }] }],
    ['a hash that is too short', { keys: [{ key_hash: 'sha256:abcd' }] }],
    ['another hash', { keys: [{ key_hash: `md5:${'0'.repeat(32)}` }] }],
    ['an empty header', { header: '' }],
    ['the header Host', { header: 'Host' }],
    ['the header Connection', { header: 'connection' }],
    ['the header Content-Length', { header: 'Content-Length' }],
    ['an unknown option', { heder: 'X-Key' }],
    ['a date that is none', { keys: [{ key: 'k', expires: '2027-02-30' }] }],
    ['a date-time without a zone', { keys: [{ key: 'k', expires: '2027-02-03T10:00:00' }] }],
    ['an address that is none', { keys: [{ key: 'k', allowed_ips: ['10.0.0'] }] }],
    ['a prefix that is too long', { keys: [{ key: 'k', allowed_ips: ['10.0.0.0/33'] }] }],
    ['an empty list of addresses', { keys: [{ key: 'k', allowed_ips: [] }] }],
    ['a rate of nought', { keys: [{ key: 'k', rate_limit: 0 }] }],
    ['a rate without a unit', { keys: [{ key: 'k', rate_limit: '1000' }] }],
    ['a realm with a line break', { realm: 'a\r\nb' }],
  ])('with %s is refused', (_what, block) => {
    expect(messages(block)).not.toEqual([]);
  });

  test('never says the key in a message', () => {
    expect(messages({ keys: [{ key: 'my secret, key' }] }).join()).not.toContain('secret');
  });

  test('reads the three spellings of a rate', () => {
    const rates = [1000, '1000/m', { rate: 5, burst: 20 }, { rate: '60/h', burst: 2 }, 0.5];
    const { keys = [] } = apiKeyOptions.parse({ keys: rates.map((rate_limit, i) => ({ key: `k${i}`, rate_limit })) });
    expect(keys.map((each) => each.rate_limit)).toEqual([
      { rate: 1000, perMs: 1_000, burst: 1000 },
      { rate: 1000, perMs: 60_000, burst: 1000 },
      { rate: 5, perMs: 1_000, burst: 20 },
      { rate: 60, perMs: 3_600_000, burst: 2 },
      { rate: 0.5, perMs: 1_000, burst: 1 },
    ]);
  });

  test('with one key twice is an error that names both, also where one of them is hashed', () => {
    const keys = [
      { key: 'k', name: 'a' },
      { key_hash: `sha256:${sha256('k')}`, name: 'b' },
    ];
    const [finding] = apiKey.findings(apiKey.options.parse({ keys }));
    expect(finding).toMatchObject({ level: 'error', path: ['keys', 1] });
    expect(finding?.message).toMatch(/b .*keys\[0\], a/);
  });

  test('with one name and two limits is an error, with two names none', () => {
    const named = (name: string) =>
      apiKey.findings(
        apiKey.options.parse({
          keys: [
            { key: 'k', name: 'a' },
            { key: 'l', name, rate_limit: 5 },
          ],
        }),
      );
    expect(named('a')).toEqual([expect.objectContaining({ level: 'error', path: ['keys', 1, 'name'] })]);
    expect(named('b')).toEqual([]);
  });
});

test('a narrowing admits only the named keys; an unknown name is an error', () => {
  const options = apiKey.options.parse(page);
  const identity = { method: 'api_key', subject: 'production', scopes: [], claims: {} };
  expect(apiKey.judge({ names: ['production'] }, identity)).toBeUndefined();
  expect(apiKey.judge({ names: ['development'] }, identity)).toBe('not_allowed');
  expect(apiKey.unknownNames(options, { names: ['production', 'prod'] })).toEqual([
    expect.objectContaining({ path: ['names', 1] }),
  ]);
  expect(apiKey.narrowing.safeParse({ names: [] }).success).toBe(false);
});
