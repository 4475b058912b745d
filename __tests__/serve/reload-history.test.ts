/** The page of the last reloads of a gateway: outcomes, diagnostics, differences, and no secret. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve, type Gatekeeper } from '../../src/serve/serve.js';
import { ask } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-reloads-'));
const file = join(folder, 'loom.yaml');
const READER = 'token-of-the-reader-0123456789';
const KEYS = ['key-of-the-client-0123456789abcdef', 'next-key-of-the-client-0123456789abcdef'] as const;
let gateway: Gatekeeper | undefined;
let [port, admin] = [0, 0];

beforeAll(async () => {
  [port = 0, admin = 0] = await freePorts(2);
  write({ key: KEYS[0], timeout: '30s' });
  gateway = await serve(file, { log: quietLog(), watch: false });
});
afterAll(async () => {
  await gateway?.stop({ timeout: 0 });
  rmSync(folder, { recursive: true });
});

function write({ key = KEYS[0], timeout = '30s', more = '' }: { key?: string; timeout?: string; more?: string }): void {
  const text = `
listeners: [{ address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${admin}", auth: { type: bearer, bearer: { token: ${READER} } } }
middleware: { auth: { api_key: { keys: [{ name: ci, key: ${key} }] } } }
routes: [{ path: /*, upstream: backend, timeout: ${timeout}, auth: { api_key: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:9"] }]
${more}`;
  writeFileSync(file, text);
}

interface Shown {
  readonly generation: number;
  readonly others: unknown[];
  readonly missing: unknown[];
  readonly reloads: readonly Record<string, unknown>[];
}

async function shown(): Promise<Shown> {
  const { status, body } = await ask({ port: admin, path: '/reloads', headers: { Authorization: `Bearer ${READER}` } });
  expect(status).toBe(200);
  for (const secret of [READER, ...KEYS]) expect(body).not.toContain(secret);
  return JSON.parse(body) as Shown;
}

test('each reload is listed with its outcome and what it changed, the newest first', async () => {
  expect(await shown()).toMatchObject({ generation: 1, reloads: [], others: [], missing: [] });
  write({ key: KEYS[1], timeout: '5s' });
  await gateway?.reload();
  await gateway?.reload();
  write({ more: 'unknown_option: 1' });
  await expect(gateway?.reload()).rejects.toThrow();
  const { generation, reloads } = await shown();
  expect(generation).toBe(3);
  const [refused, unchanged, taken] = reloads;
  expect(refused).toMatchObject({ trigger: 'call', outcome: 'refused', generation: 3 });
  expect(refused).toMatchObject({ diagnostics: [{ level: 'error', code: 'unknown_key', path: 'unknown_option' }] });
  expect(refused).not.toHaveProperty('differences');
  expect(unchanged).toMatchObject({ outcome: 'unchanged', total: 0, seen: false, differences: [], generation: 3 });
  expect(taken).toMatchObject({
    outcome: 'taken',
    generation: 2,
    seen: true,
    total: 2,
    summary: { access: 1, timeouts: 1 },
    differences: [
      { class: 'access', where: 'middleware.auth.api_key.keys[ci].key', change: 'changed', hidden: 'secret' },
      { class: 'timeouts', where: '/*', option: 'timeout', before: '30s', after: '5s' },
    ],
  });
});

test('the list is bounded, and wants the credential of the admin address', async () => {
  write({});
  for (let i = 0; i < 25; i++) await gateway?.reload();
  expect((await shown()).reloads).toHaveLength(20);
  expect((await ask({ port: admin, path: '/reloads' })).status).toBe(401);
});
