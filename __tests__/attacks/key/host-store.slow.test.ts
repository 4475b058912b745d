/** A store of a host that never answers. It takes as long as the deadline of a lookup. */
import { memoryStore } from '../../auth/methods/api-key/store/memory-store.js';
import { newKeyText } from '../../../src/auth/methods/api-key/store/key-text.js';
import { loom } from '../../../src/index.js';
import { closeFronted, fronted, frontFile } from '../../support/fronted.js';
import { quietLog } from '../../support/quiet-log.js';

afterAll(closeFronted);

const FILE = frontFile(
  'api_key: { keys: [{ key: sk-a-key-of-the-file-itself, name: ops }], store: { type: host, throttle: false } }',
  '{ api_key: true }',
  'metrics: { enabled: true }',
);
const NEVER = new Promise<never>(() => undefined);
const withKey = (key: string) => ({ headers: { 'X-API-Key': key } });

test('G-25 a store that never answers is 503, is logged, and holds up no other key', async () => {
  const [store, log] = [memoryStore(), quietLog()];
  const at = await fronted(FILE, { keyStore: store, log });
  const { key } = await at.gate.keys.create({ name: 'ada' });
  const find = store.find.bind(store);
  store.find = () => NEVER;
  // More than the lookups that may run at once.
  const pending = Promise.all(Array.from({ length: 60 }, () => at.send('/', `X-API-Key: ${newKeyText()}`)));
  expect(await at.ask(withKey('sk-a-key-of-the-file-itself'))).toBe('200 api_key:ops');
  expect(new Set(await pending)).toEqual(new Set([503]));
  expect(log.entries.map(({ words }) => words)).toContain('the key store does not answer');
  expect(await at.gate.metrics()).toMatch(/loom_key_lookups_total\{outcome="failed"\} [1-9]/);
  expect(await at.gate.metrics()).toContain('loom_key_store_up 0');
  store.find = find;
  const end = Date.now() + 10_000;
  while ((await at.send('/', `X-API-Key: ${key}`)) !== 200) if (Date.now() > end) throw new Error('never admitted');
  expect(await at.gate.metrics()).toContain('loom_key_store_up 1');
});

test('G-23 a store that never reports its notices is ready, and its keys are cached for one second', async () => {
  const [store, log] = [memoryStore(), quietLog()];
  store.watch = () => () => undefined;
  const at = await fronted(FILE, { keyStore: store, log });
  await at.gate.ready;
  expect(log.entries.map(({ words }) => words).join()).toContain('notices of changed keys do not arrive');
  const { key } = await at.gate.keys.create({ name: 'ada' });
  expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
});

test('a last use that is never written holds up no shutdown', async () => {
  const [store, log] = [memoryStore(), quietLog()];
  const at = await fronted(FILE, { keyStore: store, log });
  const { key } = await at.gate.keys.create({ name: 'ada' });
  expect(await at.ask(withKey(key))).toBe('200 api_key:ada');
  store.touch = () => NEVER;
  await at.gate.close();
  expect(log.entries.map(({ words }) => words)).toContain('the last use of keys could not be written');
});

test('twin: a last use is written at the shutdown, also if the store is locked at first', async () => {
  const store = memoryStore();
  const gate = await fronted(FILE, { keyStore: store });
  const { key } = await gate.gate.keys.create({ name: 'ada' });
  expect(await gate.ask(withKey(key))).toBe('200 api_key:ada');
  const touch = store.touch.bind(store);
  let attempts = 0;
  store.touch = (uses) => ((attempts += 1) < 4 ? Promise.reject(new Error('locked')) : touch(uses));
  await gate.gate.close();
  expect(store.records[0]?.last_used).toBeGreaterThan(0);
});

test('twin: loom() is ready at once with a store that reports its notices', async () => {
  const gate = loom(
    { text: FILE.replace('UPSTREAM', '127.0.0.1:1'), file: 'loom.yaml' },
    { keyStore: memoryStore(), log: quietLog() },
  );
  const before = performance.now();
  await gate.ready;
  expect(performance.now() - before).toBeLessThan(4_000);
  await gate.close();
});
