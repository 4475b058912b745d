/** Sockets of keys in a store: they close with their key, also after a reload. */
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { memoryStore, type MemoryStore } from '../../auth/methods/api-key/store/memory-store.js';
import { loom, type Loom } from '../../../src/index.js';
import { handshake } from '../../support/handshake.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { until } from '../../support/until.js';

const FILE = {
  text: `middleware: { auth: { api_key: { store: { type: host }, keys: [{ key: sk-a-key-of-the-file-itself, name: ops }] } } }
routes: [{ id: all, path: /*, auth: { api_key: true } }]
`,
  file: 'loom.yaml',
};

describe('G-21 sockets of keys', () => {
  let gate: Loom;
  let store: MemoryStore;
  let server: ReturnType<typeof createServer>;
  let port: number;
  beforeAll(async () => {
    store = memoryStore();
    gate = loom(FILE, { keyStore: store, log: quietLog() });
    server = createServer();
    server.on('upgrade', (_req, socket: Socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
    gate.attach(server);
    port = await listening(server);
  });
  afterAll(async () => {
    await gate.close();
    await closed(server);
  });

  async function open(key: string): Promise<{ isOpen: () => boolean }> {
    let isOpen = true;
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(handshake('/', `X-API-Key: ${key}`)));
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.on('error', () => undefined).on('close', () => (isOpen = false));
    await until(() => answer.includes('101') || !isOpen);
    return { isOpen: () => isOpen };
  }

  test('a revoked key closes its own sockets and no other', async () => {
    const first = await gate.keys.create({ name: 'ada' });
    const second = await gate.keys.rotate('ada', { grace: '1h' });
    const [one, two] = [await open(first.key), await open(second.key)];
    await gate.keys.revoke({ id: first.record.id });
    await until(() => !one.isOpen());
    expect(two.isOpen()).toBe(true);
    await gate.keys.revoke({ name: 'ada' });
    await until(() => !two.isOpen());
  });

  test('a replaced key closes its sockets at the end of the grace; a touched one stays', async () => {
    const first = await gate.keys.create({ name: 'bob' });
    const one = await open(first.key);
    await gate.keys.rotate('bob', { grace: 1_500 });
    expect(one.isOpen()).toBe(true);
    await until(() => !one.isOpen());
    const second = await gate.keys.create({ name: 'eve' });
    const two = await open(second.key);
    store.tell({ kind: 'changed' });
    store.tell({ kind: 'lost', cause: new Error('cut') });
    store.tell({ kind: 'live' });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(two.isOpen()).toBe(true);
  });

  test('a revoked key closes its sockets although the store does not answer at first', async () => {
    const [first, second] = [await gate.keys.create({ name: 'kim' }), await gate.keys.create({ name: 'leo' })];
    const [one, two] = [await open(first.key), await open(second.key)];
    let release: () => void = () => undefined;
    store.gate = new Promise((resolve) => (release = resolve));
    await gate.keys.revoke({ name: 'kim' });
    store.down = true;
    release();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(one.isOpen()).toBe(true);
    store.down = false;
    await until(() => !one.isOpen());
    expect(two.isOpen()).toBe(true);
  });

  test('a key that is revoked while its request is decided closes the new socket', async () => {
    const { key, record } = await gate.keys.create({ name: 'pia' });
    let release: () => void = () => undefined;
    store.gate = new Promise((resolve) => (release = resolve));
    const opening = open(key);
    await until(() => store.asked.includes(record.digest));
    await gate.keys.revoke({ name: 'pia' });
    release();
    const one = await opening;
    await until(() => !one.isOpen());
  });

  test('a key that the store cannot answer for does not keep the sockets of others open', async () => {
    const keys = [];
    for (let at = 0; at < 20; at += 1) keys.push(await gate.keys.create({ name: `many-${at}` }));
    const sockets: Awaited<ReturnType<typeof open>>[] = [];
    for (const { key } of keys) sockets.push(await open(key));
    const find = store.find.bind(store);
    const silent = keys[0]?.record.digest;
    store.find = (digest) => (digest === silent ? Promise.reject(new Error('no shard')) : find(digest));
    store.tell({ kind: 'lost', cause: new Error('cut') });
    const at = store.records.findIndex(({ name }) => name === 'many-19');
    store.records[at] = { ...(store.records[at] as (typeof store.records)[number]), revoked: Date.now() };
    store.tell({ kind: 'live' });
    await until(() => sockets[19]?.isOpen() === false);
    expect(sockets.filter((each) => each.isOpen())).toHaveLength(19);
    store.find = find;
  });

  describe('that an earlier configuration admitted', () => {
    const changed = { ...FILE, text: FILE.text.replace('store:', 'realm: other, store:') };
    afterEach(() => gate.reload(FILE));

    test('close when their key is revoked, and other sockets stay', async () => {
      const [first, second] = [await gate.keys.create({ name: 'mia' }), await gate.keys.create({ name: 'noa' })];
      const [one, two] = [await open(first.key), await open(second.key)];
      await gate.reload(changed);
      expect([one.isOpen(), two.isOpen()]).toEqual([true, true]);
      await gate.keys.revoke({ name: 'mia' });
      await until(() => !one.isOpen());
      expect(two.isOpen()).toBe(true);
    });

    test('close at the end of a grace that began before', async () => {
      const { key } = await gate.keys.create({ name: 'lea' });
      const one = await open(key);
      await gate.keys.rotate('lea', { grace: 2_500 });
      await gate.reload(changed);
      expect(one.isOpen()).toBe(true);
      await until(() => !one.isOpen());
    });

    test('twin: a socket of a key of the file stays, although the store does not know the key', async () => {
      const one = await open('sk-a-key-of-the-file-itself');
      await gate.reload(changed);
      store.tell({ kind: 'changed' });
      const { key } = await gate.keys.create({ name: 'ida' });
      const two = await open(key);
      await gate.keys.revoke({ name: 'ida' });
      await until(() => !two.isOpen());
      expect(one.isOpen()).toBe(true);
    });
  });
});
