/** A thousand rotations while clients send requests: each client changes to the new key within the grace. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrateSqliteFile } from '../../../../../src/auth/methods/api-key/store/sqlite-file.js';
import { PostgresStore } from '../../../../../src/auth/methods/api-key/store/postgres-store.js';
import { closeFronted, fronted, frontFile } from '../../../../support/fronted.js';
import { PostgresServer } from '../../../../support/postgres-server.js';

const ROTATIONS = 1_000;
const CALLERS = 10;
const PAUSE_MS = 5;

const folder = mkdtempSync(join(tmpdir(), 'loom-keys-'));
let server: PostgresServer;
beforeAll(async () => {
  migrateSqliteFile(join(folder, 'keys.db'));
  server = await PostgresServer.start();
  const store = new PostgresStore({ url: server.url });
  await store.migrate();
  await store.close();
}, 120_000);
afterAll(async () => {
  await closeFronted();
  await server.close();
  rmSync(folder, { recursive: true });
});

test.each([
  ['sqlite', () => `type: sqlite, path: "${join(folder, 'keys.db')}"`],
  ['postgres', () => `type: postgres, url: "${server.url}"`],
])(
  '%s: no honest request is refused, and each caller stays one caller',
  async (_type, store) => {
    const at = await fronted(frontFile(`api_key: { store: { ${store()} } }`, '{ api_key: true }'));
    const callers = await Promise.all(
      Array.from({ length: CALLERS }, async (_, n) => {
        const name = `caller ${n}`;
        return { name, ...(await at.gate.keys.create({ name })) };
      }),
    );
    const refused: number[] = [];
    let isOver = false;
    let sent = 0;
    const sending = callers.map(async (caller) => {
      while (!isOver) {
        const status = await at.send('/', `X-API-Key: ${caller.key}`);
        sent += 1;
        if (status !== 200) refused.push(status);
        await sleep(PAUSE_MS);
      }
    });
    for (let n = 0; n < ROTATIONS; n += 1) {
      const caller = callers[n % CALLERS] as (typeof callers)[number];
      const { key } = await at.gate.keys.rotate(caller.name, { grace: '1h' });
      expect([await at.send('/', `X-API-Key: ${caller.key}`), await at.send('/', `X-API-Key: ${key}`)]).toEqual([
        200, 200,
      ]);
      // The client receives the key later. Until then it uses the old one.
      if (n % 3 !== 0) caller.key = key;
    }
    isOver = true;
    await Promise.all(sending);
    expect(refused).toEqual([]);
    expect(sent).toBeGreaterThan(0);
  },
  240_000,
);
