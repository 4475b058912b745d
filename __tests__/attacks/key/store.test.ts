/** API keys in a store: guesses, revocations, outages, malformed records, and names that a customer chooses. */
import { memoryStore, type MemoryStore } from '../../auth/methods/api-key/store/memory-store.js';
import { keyDigestOf, newKeyText } from '../../../src/auth/methods/api-key/store/key-text.js';
import type { KeyRecord } from '../../../src/index.js';
import { errorsOf } from '../../config/files.js';
import { closeFronted, fronted, frontFile, type Fronted } from '../../support/fronted.js';
import { quietLog } from '../../support/quiet-log.js';
import { until } from '../../support/until.js';
import { askedServer, json, type AskedServer } from '../../tokens/introspection-server.js';

afterEach(closeFronted);

const api = (more = '', store = ''): string => `api_key: { ${more} store: { type: host, ${store} } }`;
const withKey = (key: string, header = 'X-API-Key') => ({ headers: { [header]: key } });

interface Ground extends Fronted {
  readonly store: MemoryStore;
  readonly log: ReturnType<typeof quietLog>;
  /** Milliseconds that have passed. */
  pass(ms: number): void;
}

async function ground(text: string): Promise<Ground> {
  const [store, log] = [memoryStore(), quietLog()];
  let now = 1_800_000_000_000;
  const at = await fronted(text, { keyStore: store, log, now: () => now });
  return { ...at, store, log, pass: (ms) => void (now += ms) };
}

const guarded = (more = '', store = '', auth = '{ api_key: true }'): Promise<Ground> =>
  ground(frontFile(api(more, store), auth));

describe('G-22 a name that a customer chooses', () => {
  const keys = 'keys: [{ key: sk-the-operator-of-this-gateway, name: admin }],';

  test('cannot be a name of the file or of the store', async () => {
    const { gate } = await guarded(keys);
    await expect(gate.keys.create({ name: 'admin' })).rejects.toMatchObject({ code: 'name_taken' });
    await gate.keys.create({ name: 'ada' });
    await expect(gate.keys.create({ name: 'ada' })).rejects.toMatchObject({ code: 'name_taken' });
    const line = JSON.stringify({ name: 'admin', key: newKeyText() });
    await expect(gate.keys.import([line])).rejects.toMatchObject({ code: 'invalid' });
  });

  test.each(['Admin', 'ADMIN', '\u00e1dmin', '\uff41\uff44\uff4d\uff49\uff4e', 'ad\u200bmin', 'admin\u0301'])(
    'cannot look like a name of the file: %s',
    async (name) => {
      const { gate, store } = await guarded(keys);
      await expect(gate.keys.create({ name })).rejects.toMatchObject({ code: 'name_taken' });
      const line = JSON.stringify({ name, key: newKeyText() });
      await expect(gate.keys.import([line])).rejects.toMatchObject({ code: 'invalid' });
      expect(store.records).toEqual([]);
    },
  );

  test.each(['__proto__', 'constructor', 'toString', 'admin2', 'adm in', '\u6f22\u5b57', 'x'.repeat(256)])(
    'twin: %s is a name like any other',
    async (name) => {
      const at = await guarded(keys);
      const { key } = await at.gate.keys.create({ name });
      expect(await at.ask(withKey(key))).toBe(`200 api_key:${name}`);
      expect(await at.ask(withKey(key))).toBe(`200 api_key:${name}`);
    },
  );

  test('of the file in a record that came another way is refused, and logged', async () => {
    const at = await guarded(keys);
    const { key, record } = await at.gate.keys.create({ name: 'ada' });
    at.store.records[0] = { ...record, name: 'admin' };
    expect(await at.ask(withKey(key))).toBe('401');
    expect(at.log.entries.map(({ words }) => words).join()).toContain('has the name of a key of the file');
  });

  test('and metadata set no other claim and no other header', async () => {
    const at = await guarded('claims_to_headers: { name: X-Name, metadata.plan: X-Plan, scope: X-Scope },');
    const metadata = { plan: 'pro', name: 'admin', sub: 'admin', scope: 'all', __proto__: null };
    const { key } = await at.gate.keys.create({ name: 'ada', scopes: ['read'], metadata });
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
    expect(at.arrived()?.headers).toMatchObject({ 'x-name': 'ada', 'x-plan': 'pro', 'x-scope': 'read' });
  });

  test('twin: the key of the file and a key of the store pass side by side', async () => {
    const at = await guarded(keys);
    const { key } = await at.gate.keys.create({ name: 'administrator' });
    expect(await at.ask(withKey(key))).toBe('200 api_key:administrator');
    expect(await at.ask(withKey('sk-the-operator-of-this-gateway'))).toBe('200 api_key:admin');
  });
});

describe('G-22 functions that a host keeps', () => {
  const text = (keys: string): string =>
    frontFile(api(keys), '{ api_key: true }').replaceAll('UPSTREAM', '127.0.0.1:1');

  test('refuse a name that a later file has; twin: they work after the reload', async () => {
    const { gate } = await guarded();
    const { keys } = gate;
    await gate.reload({
      text: text('keys: [{ key: sk-the-operator-of-this-gateway, name: admin }],'),
      file: 'loom.yaml',
    });
    await expect(keys.create({ name: 'admin' })).rejects.toMatchObject({ code: 'name_taken' });
    await keys.create({ name: 'ada' });
    expect(await keys.revoke({ name: 'ada' })).toHaveLength(1);
  });

  test('reject when a later file has no store, and gate.keys throws', async () => {
    const { gate } = await guarded();
    const { keys } = gate;
    await gate.reload({ text: text('').replace('store: { type: host,  }', 'realm: other'), file: 'loom.yaml' });
    await expect(keys.create({ name: 'ada' })).rejects.toThrow('has no middleware.auth.api_key.store');
    expect(() => gate.keys).toThrow('has no middleware.auth.api_key.store');
  });
});

describe('the conditions of a record', () => {
  test('G-21 its rate limit counts for all keys of the name together', async () => {
    const at = await guarded();
    const { key } = await at.gate.keys.create({ name: 'ada', rate_limit: { rate: '1/h', burst: 3 } });
    const other = await at.gate.keys.create({ name: 'bob' });
    const second = await at.gate.keys.rotate('ada');
    const statuses: string[] = [];
    for (const each of [key, second.key, key, second.key, key, other.key]) statuses.push(await at.ask(withKey(each)));
    const ada = '200 api_key:ada';
    expect(statuses).toEqual([ada, ada, ada, '429', '429', '200 api_key:bob']);
  });

  test('G-25 its addresses admit no client whose proxy does not report an address; twin: a reported one passes', async () => {
    const at = await ground(frontFile(api(), '{ api_key: true }', 'trusted_proxies: [127.0.0.0/8]'));
    const { key } = await at.gate.keys.create({ name: 'ada', allowed_ips: ['0.0.0.0/0', '::/0'] });
    const from = (value: string) => ({ headers: { 'X-API-Key': key, 'X-Forwarded-For': value } });
    for (const value of ['unknown', '_hidden', '198.51.100.300', '']) expect(await at.ask(from(value))).toBe('403');
    expect(await at.ask(from('198.51.100.3'))).toBe('200 api_key:ada');
    expect(await at.ask(from('2001:db8::1'))).toBe('200 api_key:ada');
  });
});

describe('G-23 a cached key', () => {
  test('whose lookup began before its revocation is not cached after it', async () => {
    const at = await guarded();
    const { key } = await at.gate.keys.create({ name: 'ada' });
    let answer = (): void => undefined;
    at.store.gate = new Promise((resolve) => (answer = resolve));
    const pending = at.ask(withKey(key));
    await until(() => at.store.asked.length > 0);
    await at.gate.keys.revoke({ name: 'ada' });
    answer();
    await pending;
    expect(await at.ask(withKey(key))).toBe('401');
  });

  test('counts for one second without notices, and is asked again when they are back', async () => {
    const at = await guarded();
    const { key, record } = await at.gate.keys.create({ name: 'ada' });
    at.store.tell({ kind: 'lost', cause: new Error('cut') });
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
    // A change without a notice.
    at.store.records[0] = { ...record, revoked: 1 };
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
    at.pass(1_000);
    expect(await at.ask(withKey(key))).toBe('401');
    at.store.records[0] = record;
    at.store.tell({ kind: 'live' });
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
  });

  test('is forgotten with a revocation, an end of its grace, its expiry and a new address list', async () => {
    const at = await guarded();
    const { key } = await at.gate.keys.create({ name: 'ada', expires: new Date(1_800_000_000_000 + 7_200_000) });
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
    const second = await at.gate.keys.rotate('ada', { grace: '1h' });
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
    at.pass(3_600_000);
    expect(await at.ask(withKey(key))).toBe('401');
    expect(await at.ask(withKey(second.key))).toBe('200 api_key:ada');
    at.store.records[1] = { ...(at.store.records[1] as KeyRecord), allowed_ips: ['192.0.2.1'] };
    at.store.tell({ kind: 'changed', ids: [second.record.id] });
    expect(await at.ask(withKey(second.key))).toBe('403');
    at.pass(3_600_000);
    expect(await at.ask(withKey(second.key))).toBe('401');
  });

  test('twin: a new key passes at once although it was tried before', async () => {
    const at = await guarded();
    const key = newKeyText();
    expect(await at.ask(withKey(key))).toBe('401');
    await at.gate.keys.import([JSON.stringify({ name: 'ada', key })]);
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
  });
});

describe('G-24 guesses', () => {
  test('with a wrong checksum, of no form of a key, and repeated ones reach no store', async () => {
    const at = await guarded();
    const typo = newKeyText().replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    for (const guess of [typo, 'x'.repeat(600), 'a b', 'a,b', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.'])
      expect(await at.ask(withKey(guess))).toBe('401');
    expect(at.store.asked).toEqual([]);
    for (let n = 0; n < 5; n += 1) expect(await at.ask(withKey('a-guess-that-is-repeated'))).toBe('401');
    expect(at.store.asked).toHaveLength(1);
  });

  test('beyond the budget of the address reach no store; the cached key of the address still passes', async () => {
    const at = await guarded('', 'throttle: { failures: 5 },');
    const { key } = await at.gate.keys.create({ name: 'ada' });
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
    at.store.asked.length = 0;
    const statuses: string[] = [];
    for (let n = 0; n < 20; n += 1) statuses.push(await at.ask(withKey(`a-guess-with-the-number-${n}`)));
    expect(statuses).toEqual([...Array<string>(5).fill('401'), ...Array<string>(15).fill('429')]);
    expect(at.store.asked).toHaveLength(5);
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
  });

  test('twin: hundreds of valid keys of one address pass, one after the other and at once', async () => {
    const at = await guarded();
    const keys = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => (await at.gate.keys.create({ name: `caller ${n}` })).key),
    );
    for (const key of keys.slice(0, 50)) expect(await at.ask(withKey(key))).toMatch(/^200/);
    const statuses = await Promise.all(keys.map((key) => at.send('/', `X-API-Key: ${key}`)));
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});

describe('G-25 a record that cannot be read', () => {
  const broken: readonly (readonly [string, Record<string, unknown>])[] = [
    ['addresses as text', { allowed_ips: '10.0.0.0/8' }],
    ['an address that is none', { allowed_ips: ['10.0.0.0/99'] }],
    ['an end as text', { expires: 'never' }],
    ['an end that is no number', { expires: NaN }],
    ['a revocation that is true', { revoked: true }],
    ['a start as null', { not_before: null }],
    ['scopes as text', { scopes: 'read' }],
    ['metadata as a list', { metadata: ['a'] }],
    ['a rate of nothing', { rate_limit: { rate: 0, perMs: 1, burst: 1 } }],
    ['no name', { name: '' }],
    ['a name with a line end', { name: 'ada\nadmin' }],
    ['an unknown member', { may: 'everything' }],
    ['the digest of another key', { digest: keyDigestOf('another') }],
  ];
  test.each(broken)('is no key: %s', async (_what, change) => {
    const at = await guarded();
    const { key, record } = await at.gate.keys.create({ name: 'ada' });
    const find = at.store.find.bind(at.store);
    at.store.find = async (digest) => ({ ...(await find(digest)), ...record, ...change });
    expect(await at.ask(withKey(key))).toBe('401');
    expect(at.log.entries.map(({ words }) => words).join()).toContain('is malformed');
  });

  test('an empty list of addresses allows none', async () => {
    const at = await guarded();
    const { key } = await at.gate.keys.create({ name: 'ada', allowed_ips: [] });
    expect(await at.ask(withKey(key))).toBe('403');
  });

  test('twin: a record with everything passes', async () => {
    const at = await guarded();
    const { key } = await at.gate.keys.create({
      name: 'ada',
      expires: 1_800_000_000_001,
      not_before: 1,
      scopes: ['a'],
      metadata: { deep: { list: [1, null, true] } },
      rate_limit: { rate: 5, burst: 9 },
      allowed_ips: ['127.0.0.1', '::/0'],
    });
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
  });
});

describe('a store that does not answer', () => {
  test('is 503 and never 401, for valid keys and for guesses; a cached key counts until its time', async () => {
    const at = await guarded('', 'cache_ttl: 10s, stale_if_error: 20s,');
    const { key } = await at.gate.keys.create({ name: 'ada' });
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
    at.store.down = true;
    expect(await at.ask(withKey('a-guess-that-no-store-has'))).toBe('503');
    at.pass(29_000);
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
    at.pass(1_000);
    expect(await at.ask(withKey(key))).toBe('503');
    at.store.down = false;
    at.pass(1_000);
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
    expect(at.log.entries.map(({ words }) => words)).toEqual(
      expect.arrayContaining(['the key store does not answer', 'the key store answers again']),
    );
  });

  test('keeps no key of the file out', async () => {
    const at = await guarded('keys: [{ key: sk-a-key-of-the-file-itself, name: ops }],');
    at.store.down = true;
    expect(await at.ask(withKey('sk-a-key-of-the-file-itself'))).toBe('200 api_key:ops');
    expect(await at.ask()).toBe('401');
  });
});

describe('G-19 keys of a store in the place of tokens', () => {
  let issuer: AskedServer;
  beforeAll(async () => {
    issuer = await askedServer((asked, response) => {
      const active = asked.body.includes('opaque-of-bob');
      void json(active ? { active, sub: 'bob' } : { active })(asked, response);
    });
  });
  beforeEach(() => void (issuer.asked.length = 0));
  afterAll(() => issuer.close());
  const shared = (auth: string, store = ''): Promise<Ground> =>
    ground(
      frontFile(
        `${api('scheme: Bearer,', store)}, oauth: { introspection_url: "${issuer.origin}/i", client_id: a, client_secret: b, throttle: false }`,
        auth,
      ),
    );
  const bearer = (value: string) => withKey(`Bearer ${value}`, 'Authorization');

  test.each(['{ methods: [api_key, oauth] }', '{ oauth: true }', '{ require: false, methods: [oauth] }'])(
    'reach no issuer, revoked ones and those of an outage too: %s',
    async (auth) => {
      const at = await shared(auth);
      const known = await at.gate.keys.create({ name: 'ada' });
      const old = await at.gate.keys.create({ name: 'eve' });
      await at.gate.keys.revoke({ name: 'eve' });
      const expected = auth.includes('api_key') ? '200 api_key:ada' : '401';
      expect(await at.ask(bearer(known.key))).toBe(expected);
      expect(await at.ask(bearer(old.key))).toBe('401');
      at.store.down = true;
      at.pass(60_000);
      expect(await at.ask(bearer(known.key))).not.toMatch(/^200/);
      expect(issuer.asked).toEqual([]);
    },
  );

  test('twin: a hundred tokens of one address are asked at the issuer and pass', async () => {
    const at = await shared('{ methods: [api_key, oauth] }', 'throttle: { failures: 5 },');
    for (let n = 0; n < 100; n += 1) expect(await at.ask(bearer(`opaque-of-bob-${n}`))).toBe('200 oauth:bob');
    for (let n = 0; n < 5; n += 1) expect(await at.ask(bearer(`nothing-${n}`))).toBe('401');
    expect(await at.ask(bearer('nothing-more'))).toBe('429');
  });
});

describe('scopes of a key', () => {
  test('decide on a route, and without a store they cannot', async () => {
    const at = await guarded('', '', '{ api_key: { required_scopes: [read, write] } }');
    const all = await at.gate.keys.create({ name: 'ada', scopes: ['read', 'write'] });
    const one = await at.gate.keys.create({ name: 'bob', scopes: ['read'] });
    expect(await at.ask(withKey(all.key))).toBe('200 api_key:ada');
    expect(await at.ask(withKey(one.key))).toBe('403');
    const [error] = errorsOf(
      frontFile(
        'api_key: { keys: [{ key: sk-of-a-file-only-here, name: a }] }',
        '{ api_key: { required_scopes: [read] } }',
      ),
    );
    expect(error?.message).toContain('only a key of a store has scopes');
  });
});
