/** A store that a host wrote badly, and clocks that jump: no key counts for longer, and no honest key is kept out. */
import { connect } from 'node:net';
import { memoryStore, type MemoryStore } from '../../auth/methods/api-key/store/memory-store.js';
import { keyDigestOf, newKeyText } from '../../../src/auth/methods/api-key/store/key-text.js';
import type { KeyRecord } from '../../../src/index.js';
import { closeFronted, fronted, frontFile, type Fronted } from '../../support/fronted.js';
import { quietLog } from '../../support/quiet-log.js';
import { until } from '../../support/until.js';

afterEach(closeFronted);

interface Ground extends Fronted {
  readonly store: MemoryStore;
  readonly log: ReturnType<typeof quietLog>;
  /** Moves the wall clock, in milliseconds. */
  move(ms: number): void;
}

async function ground(store = ''): Promise<Ground> {
  const [memory, log] = [memoryStore(), quietLog()];
  let now = 1_800_000_000_000;
  const text = frontFile(
    `api_key: { keys: [{ key: sk-a-key-of-the-file-itself, name: ops }], store: { type: host, ${store} } }`,
    '{ api_key: true }',
  );
  const at = await fronted(text, { keyStore: memory, log, now: () => now });
  return { ...at, store: memory, log, move: (ms) => void (now += ms) };
}

const withKey = (key: string) => ({ headers: { 'X-API-Key': key } });
const wordsOf = ({ log }: Ground): string => log.entries.map(({ words }) => words).join();

const record = (key: string): KeyRecord => ({
  id: '7d0e4c1e-9f0b-4a53-8a4b-0f3c55a0d7a1',
  name: 'ada',
  digest: keyDigestOf(key),
  hint: '',
  created: 1,
  scopes: [],
  metadata: {},
});

const fail = (): never => {
  throw new Error('from the database of the host');
};
const withGetter = (name: string, given: object): object =>
  Object.defineProperty({ ...given }, name, { get: fail, enumerable: true });

describe('G-25 the answer of a store of a host', () => {
  const answers: readonly (readonly [string, string, (key: string) => unknown])[] = [
    ['that throws at once', '503', fail],
    ['that rejects', '503', () => Promise.reject(new Error('later'))],
    ['that is a promise with a getter that throws', '503', () => withGetter('then', {})],
    ['that is a text', '401', () => 'yes'],
    ['that is true', '401', () => true],
    ['that is a function', '401', () => () => true],
    ['that is a list', '401', (key) => [record(key)]],
    ['that is another record', '401', () => record('another key')],
    ['with an id that is no text', '401', (key) => ({ ...record(key), id: { toString: fail } })],
    ['with a getter of the id that throws', '401', (key) => withGetter('id', record(key))],
    ['with a getter of the end that throws', '401', (key) => withGetter('expires', record(key))],
    ['with a proxy that throws', '401', () => new Proxy({}, { ownKeys: fail })],
    ['with metadata of many levels', '401', (key) => ({ ...record(key), metadata: nested(1_000) })],
    ['with metadata that is a circle', '401', (key) => ({ ...record(key), metadata: circle() })],
    ['with metadata that has a prototype', '401', (key) => ({ ...record(key), metadata: ofText('{"__proto__":{}}') })],
    ['with half a surrogate pair in the name', '401', (key) => ({ ...record(key), name: 'ada\ud800' })],
  ];
  test.each(answers)('%s is %s', async (_what, status, answer) => {
    const at = await ground();
    const key = newKeyText();
    at.store.find = () => answer(key) as KeyRecord;
    expect(await at.ask(withKey(key))).toBe(status);
    expect(await at.ask(withKey('sk-a-key-of-the-file-itself'))).toBe('200 api_key:ops');
    expect(wordsOf(at)).toContain(status === '503' ? 'the key store does not answer' : 'is malformed');
  });

  const honest: readonly (readonly [string, string, (key: string) => unknown])[] = [
    ['at once', '200 api_key:ada', (key) => record(key)],
    [
      'as the promise of another library',
      '200 api_key:ada',
      (key) => ({ then: (done: (found: unknown) => void) => done(record(key)) }),
    ],
    [
      'with getters',
      '200 api_key:ada',
      (key) => Object.defineProperty(record(key), 'name', { get: () => 'ada', enumerable: true }),
    ],
    ['without a prototype', '200 api_key:ada', (key) => Object.assign(Object.create(null) as object, record(key))],
    ['of null', '401', () => null],
    ['of undefined', '401', () => undefined],
  ];
  test.each(honest)('twin: an answer %s is %s', async (_what, status, answer) => {
    const at = await ground();
    const key = newKeyText();
    at.store.find = () => answer(key) as KeyRecord;
    expect(await at.ask(withKey(key))).toBe(status);
    expect(wordsOf(at)).not.toContain('malformed');
  });
});

function nested(levels: number): object {
  let value: object = {};
  for (let level = 0; level < levels; level += 1) value = { a: value };
  return value;
}

function circle(): object {
  const value: { self?: object } = {};
  value.self = value;
  return value;
}

const ofText = (text: string): object => JSON.parse(text) as object;

test('G-24 a client that leaves does not end the lookup that another client waits for', async () => {
  const at = await ground();
  const { key } = await at.gate.keys.create({ name: 'ada' });
  let answer = (): void => undefined;
  at.store.gate = new Promise((resolve) => (answer = resolve));
  const leaving = connect(at.port, '127.0.0.1', () =>
    leaving.write(`GET / HTTP/1.1\r\nHost: gw\r\nX-API-Key: ${key}\r\n\r\n`),
  );
  await until(() => at.store.asked.length === 1);
  const staying = at.send('/', `X-API-Key: ${key}`);
  leaving.destroy();
  answer();
  expect(await staying).toBe(200);
  expect(at.store.asked).toHaveLength(1);
});

describe('G-23 a clock that jumps', () => {
  test('lets no guess keep the key out for longer than five seconds', async () => {
    const at = await ground();
    const key = newKeyText();
    expect(await at.ask(withKey(key))).toBe('401');
    // Without a notice.
    at.store.records.push(record(key));
    expect(await at.ask(withKey(key))).toBe('401');
    at.move(-3_600_000);
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
  });

  test('makes no outage longer', async () => {
    const at = await ground();
    const { key } = await at.gate.keys.create({ name: 'ada' });
    at.store.down = true;
    expect(await at.ask(withKey(key))).toBe('503');
    at.store.down = false;
    at.move(-3_600_000);
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
  });

  test('or stands still makes no cached key count for longer without notices', async () => {
    const at = await ground();
    const { key, record: made } = await at.gate.keys.create({ name: 'ada' });
    at.store.tell({ kind: 'lost', cause: new Error('cut') });
    expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
    at.store.records[0] = { ...made, revoked: 1 };
    let status = '';
    const asking = setInterval(
      () => void at.send('/', `X-API-Key: ${key}`).then((each) => (status = String(each))),
      50,
    );
    await until(() => status === '401').finally(() => clearInterval(asking));
  });

  test('twin: a key that is asked for before and after a jump passes', async () => {
    const at = await ground();
    const { key } = await at.gate.keys.create({ name: 'ada' });
    for (const ms of [0, 3_600_000, -7_200_000, 1, -1]) {
      at.move(ms);
      expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
    }
  });
});

test('G-23 an answer is as old as its question', async () => {
  const at = await ground();
  const { key, record: made } = await at.gate.keys.create({ name: 'ada' });
  at.store.tell({ kind: 'lost', cause: new Error('cut') });
  let answer = (): void => undefined;
  at.store.gate = new Promise((resolve) => (answer = resolve));
  const pending = at.ask(withKey(key));
  await until(() => at.store.asked.length > 0);
  at.store.records[0] = { ...made, revoked: 1 };
  at.move(1_000);
  answer();
  expect(await pending).toBe('200 api_key:ada');
  expect(await at.ask(withKey(key))).toBe('401');
});

test.each([
  ['expires', 0, '401'],
  ['expires', 1, '200 api_key:ada'],
  ['grace_until', 0, '401'],
  ['grace_until', 1, '200 api_key:ada'],
  ['not_before', 0, '200 api_key:ada'],
  ['not_before', 1, '401'],
  ['revoked', 1_000, '401'],
])('G-25 a key with %s at %i milliseconds from now is %s', async (member, offset, status) => {
  const at = await ground();
  const key = newKeyText();
  at.store.records.push({ ...record(key), [member]: 1_800_000_000_000 + offset });
  expect(await at.ask(withKey(key))).toBe(status);
});
