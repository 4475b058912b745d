/** What a host passes to `gate.keys`: a missing or malformed value is an error, and never means another key. */
import { KeyAdministration } from '../../../../../src/auth/methods/api-key/store/administration.js';
import { newKeyText } from '../../../../../src/auth/methods/api-key/store/key-text.js';
import { readRecord } from '../../../../../src/auth/methods/api-key/store/record-schema.js';
import type { Keys } from '../../../../../src/auth/methods/api-key/store/keys.js';
import { quietLog } from '../../../../support/quiet-log.js';
import { memoryStore, type MemoryStore } from './memory-store.js';

const NOW = 1_800_000_000_000;
let store: MemoryStore;
let keys: Keys;
let clock: number;
beforeEach(async () => {
  store = memoryStore();
  clock = NOW;
  keys = new KeyAdministration({ store, taken: new Set(), log: quietLog(), now: () => clock });
  await keys.create({ name: 'ada' });
});

const invalid = expect.objectContaining({ name: 'KeyStoreError', code: 'invalid' }) as unknown;

const CALLS: readonly (readonly [
  string,
  (given: Record<string, (...args: unknown[]) => Promise<unknown>>) => unknown,
])[] = [
  ["revoke('ada')", ({ revoke }) => revoke?.('ada')],
  ['revoke()', ({ revoke }) => revoke?.()],
  ['revoke({})', ({ revoke }) => revoke?.({})],
  ['revoke({ id: undefined })', ({ revoke }) => revoke?.({ id: undefined })],
  ['revoke({ name: undefined })', ({ revoke }) => revoke?.({ name: undefined })],
  ['revoke({ name: null })', ({ revoke }) => revoke?.({ name: null })],
  ['revoke({ name: [...] })', ({ revoke }) => revoke?.({ name: ['ada'] })],
  ["revoke({ name: '' })", ({ revoke }) => revoke?.({ name: '' })],
  ['revoke({ id, name })', ({ revoke }) => revoke?.({ id: 'x', name: 'ada' })],
  ['get()', ({ get }) => get?.()],
  ['get(null)', ({ get }) => get?.(null)],
  ['get({})', ({ get }) => get?.({})],
  ['rotate()', ({ rotate }) => rotate?.()],
  ['rotate({ name })', ({ rotate }) => rotate?.({ name: 'ada' })],
  ['list({ name: [...] })', ({ list }) => list?.({ name: ['ada'] })],
  ['list({ limit: -1 })', ({ list }) => list?.({ limit: -1 })],
  ['list({ limit: 1e9 })', ({ list }) => list?.({ limit: 1e9 })],
  ["list({ limit: '5' })", ({ list }) => list?.({ limit: '5' })],
  ['list({ nmae })', ({ list }) => list?.({ nmae: 'ada' })],
];

test.each(CALLS)('%s is refused, and changes nothing', async (_what, call) => {
  const before = [...store.records];
  const bound = Object.fromEntries(
    (['revoke', 'get', 'rotate', 'list'] as const).map((name) => [name, (keys[name] as () => never).bind(keys)]),
  );
  await expect(Promise.resolve(call(bound as never))).rejects.toEqual(invalid);
  expect(store.records).toEqual(before);
});

test('twin: the same calls with a name or an id do what they say', async () => {
  const [record] = await keys.list({ name: 'ada' });
  expect(await keys.get(record?.id ?? '')).toEqual(record);
  expect(await keys.get('another')).toBeUndefined();
  const { record: next } = await keys.rotate('ada');
  expect(await keys.revoke({ id: next.id })).toHaveLength(1);
  expect(await keys.revoke({ name: 'ada' })).toHaveLength(1);
  expect(await keys.list()).toHaveLength(2);
});

const deep = (levels: number): object => JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels)) as object;
const circle = (): object => {
  const value: { self?: object } = {};
  value.self = value;
  return value;
};

const CONDITIONS: readonly (readonly [string, Record<string, unknown>])[] = [
  ['an end in seconds', { expires: 1_900_000_000 }],
  ['a start in seconds, which would be the past', { not_before: 1_900_000_000 }],
  ['a Date made from seconds', { not_before: new Date(1_900_000_000) }],
  ['an end in microseconds, which would be never', { expires: 1_900_000_000_000_000 }],
  ['an end after the year 9999', { expires: 253_402_300_800_000 }],
  ['a Date that is invalid', { expires: new Date(NaN) }],
  ['a start before 1970', { not_before: new Date(-1) }],
  ['a day that does not exist', { expires: '2030-02-30' }],
  ['an end that is now', { expires: NOW }],
  ['a start at the end', { not_before: NOW + 5, expires: NOW + 5 }],
  ['an end that is null', { expires: null }],
  ['a fraction of a millisecond', { expires: NOW + 0.5 }],
  ['a name of half a surrogate pair', { name: 'a\udc00' }],
  ['a name with a line end', { name: 'a\nb' }],
  ['a name with a control character of 8 bits', { name: 'a\u009b31m' }],
  ['a name with white space around it', { name: 'ada\u00a0' }],
  ['a name of 257 characters', { name: 'x'.repeat(257) }],
  ['metadata of 2,000 levels', { metadata: deep(700) }],
  ['metadata of 33 levels', { metadata: deep(33) }],
  ['metadata that is a circle', { metadata: circle() }],
  ['metadata with a number of no JSON', { metadata: { a: NaN } }],
  ['metadata with a bigint', { metadata: { a: 1n } }],
  ['metadata with a date', { metadata: { a: new Date(0) } }],
  ['metadata with a prototype key', { metadata: JSON.parse('{"__proto__":{"plan":"pro"}}') as object }],
  ['metadata with a prototype key below', { metadata: JSON.parse('{"a":[{"__proto__":1}]}') as object }],
  ['metadata of more than 4,096 bytes', { metadata: { a: '\u6f22'.repeat(1_400) } }],
  ['a rate that no gateway counts', { rate_limit: { rate: 1e12, burst: 1 } }],
];

test.each(CONDITIONS)('create and import refuse %s', async (_what, conditions) => {
  await expect(keys.create({ name: 'eve', ...conditions })).rejects.toEqual(invalid);
  expect(store.records).toHaveLength(1);
});

test('an import names the line of a time in seconds, of a start after the end, and of deep metadata', async () => {
  const line = (more: object): string => JSON.stringify({ name: 'eve', key: newKeyText(), ...more });
  const lines = [
    line({}),
    line({ expires: 1_900_000_000 }),
    line({ metadata: deep(700) }),
    '{"name":"eve","key_hash":"sha256:' + '0'.repeat(64) + '","metadata":{"__proto__":{}}}',
    line({ created: '1960-01-01' }),
  ];
  const failing = keys.import(lines);
  await expect(failing).rejects.toEqual(invalid);
  const message = await failing.catch((cause: unknown) => (cause as Error).message);
  for (const number of [2, 3, 4, 5]) expect(message).toContain(`line ${number}: `);
  expect(message).not.toContain('line 1: ');
  expect(store.records).toHaveLength(1);
});

test('the message says which rates there are, and that a line is an object', async () => {
  await expect(keys.create({ name: 'eve', rate_limit: 'fast' })).rejects.toThrow(
    'rate_limit: must be a number per second, such as 1000, a rate such as "1000/m", or {rate, burst}',
  );
  const failing = keys.import(['[]', 'null', '5', JSON.stringify({ name: 'eve', key: newKeyText(), rate_limit: [1] })]);
  await expect(failing).rejects.toThrow(
    /line 1: must be an object\nline 2: must be an object\nline 3: must be an object\nline 4: rate_limit: must be a number per/,
  );
});

const HONEST: readonly (readonly [string, Record<string, unknown>])[] = [
  ['the last day of RFC 3339', { expires: '9999-12-31T23:59:59Z' }],
  ['milliseconds', { expires: NOW + 1, not_before: NOW }],
  ['a Date', { expires: new Date(NOW + 1) }],
  ['an end in the next second, and a start today', { expires: NOW + 1_000, not_before: '2020-01-01' }],
  ['a name of 256 characters with every script', { name: `${'\u6f22\u{1f600}é '.repeat(51)}x` }],
  ['a name of a prototype', { name: '__proto__' }],
  ['a name such as constructor', { name: 'constructor' }],
  ['metadata of 32 levels and of 4,096 bytes', { metadata: { ...deep(32), b: 'x'.repeat(3_800) } }],
  ['metadata with names of prototypes', { metadata: { constructor: 'a', toString: 'b' } }],
];

test.each(HONEST)('twin: %s is accepted, and a lookup reads the record', async (_what, conditions) => {
  const { record } = await keys.create({ name: 'eve', ...conditions });
  expect(readRecord(record)).toEqual(record);
});

test('a rotation makes no key valid earlier; twin: a start in the past is left out', async () => {
  await keys.create({ name: 'eve', not_before: NOW + 5_000 });
  expect((await keys.rotate('eve')).record).toMatchObject({ not_before: NOW + 5_000 });
  clock += 6_000;
  expect((await keys.rotate('eve')).record.not_before).toBeUndefined();
});

test('a clock of a host with fractions makes records that a lookup reads', async () => {
  clock = NOW + 0.75;
  const { record } = await keys.create({ name: 'eve' });
  await keys.rotate('eve', { grace: 1_000.5 });
  await keys.revoke({ name: 'eve' });
  for (const each of store.records) expect(readRecord(each)).toEqual(each);
  expect(record.created).toBe(NOW);
});
