/** What goes wrong with the thread that compiles a large file, and a large shadow file beside requests. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { compacted } from '../../src/auth/methods-in-use.js';
import { compileFile } from '../../src/config/index.js';
import type { Plan } from '../../src/config/plan-types.js';
import { compileApart } from '../../src/runtime/compile-apart.js';
import { serve } from '../../src/serve/serve.js';
import { Folder } from '../difference/full-file.js';
import { ask } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { shadowed, type Shadowed } from '../support/shadowed.js';
import { until } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-thread-'));
afterAll(() => rmSync(folder, { recursive: true }));

const source = (text: string) => ({ text, file: 'loom.yaml' });
const KEY = 'first-key-of-the-host';
const MANY = 600;
const routes = (count: number): string =>
  Array.from({ length: count }, (_each, at) => `  - { id: r${at}, path: /r${at}/*, auth: { api_key: true } }\n`).join(
    '',
  );
const file = (list: string): string =>
  `middleware: { auth: { chain: [api_key], api_key: { keys: [{ name: one, key: ${KEY} }] } } }\nroutes:\n${list}`;

describe('a large file', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  test('that does not end in time is refused with the cause, and the next one takes effect', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const parts = {
      options: { mode: 'middleware' as const },
      standalone: false,
      marked: () => undefined,
      signal: new AbortController().signal,
    };
    const before = compileFile(source(file(routes(1))), { mode: 'middleware' }).plan;
    const text = file(routes(MANY)).replace(KEY, `"\${file:${pipe}}"`);
    try {
      await expect(compileApart(source(text), { ...parts, before, deadlineMs: 1_500 })).rejects.toThrow(
        'the thread that compiles the file has not answered in 1.5 s',
      );
      const { compiled } = await compileApart(source(file(routes(MANY))), { ...parts, before, deadlineMs: 60_000 });
      expect(compiled.plan.routes).toHaveLength(MANY);
    } finally {
      // The thread waits for a writer. An open for both directions does not wait for the thread.
      const end = openSync(pipe, 'r+');
      writeSync(end, 'the-key-of-the-pipe');
      closeSync(end);
    }
  });

  test('whose thread dies is refused once, and not read again until the file changes', async () => {
    const [port = 0] = await freePorts(1);
    const at = join(folder, 'dies.yaml');
    const served = (more = ''): string =>
      `listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]\n` +
      `upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]\n` +
      file(routes(MANY).replaceAll(', auth:', ', upstream: backend, auth:')) +
      more;
    writeFileSync(at, served());
    const log = quietLog();
    const gateway = await serve(at, { log });
    closing.push(() => gateway.stop({ timeout: 0 }));
    const refusals = () => log.entries.filter(({ words }) => words.startsWith('the reload failed'));
    // Only threads that start later have the small heap.
    setFlagsFromString('--max-old-space-size=48');
    try {
      writeFileSync(at, served(`x: [${'[1],'.repeat(400_000)}]\n`));
      await until(() => refusals().length > 0);
    } finally {
      setFlagsFromString('--max-old-space-size=0');
    }
    expect((refusals()[0]?.facts['err'] as Error).message).toContain('memory');
    expect((await ask({ port, path: '/r1/x' })).status).toBe(401);
    writeFileSync(at, served('# another file\n'));
    await until(() => log.entries.some(({ words }) => words === 'the configuration was reloaded'));
    expect(refusals()).toHaveLength(1);
  });
});

test('a plan with every option is equal, whether a thread has compiled it or not', async () => {
  const full = await Folder.open();
  const given = { text: JSON.stringify(full.full()), file: full.path('loom.yaml'), env: {} };
  const { plan: here } = compileFile(given, { mode: 'serve' });
  const { signal } = new AbortController();
  const parts = {
    options: { mode: 'serve' as const },
    before: here,
    standalone: true,
    marked: () => undefined,
    signal,
  };
  const { plan: there } = (await compileApart(given, parts)).compiled;
  // As a reload compares the methods: an equal one keeps its plugin, its caches and its sockets.
  const optionsOf = (plan: Plan) => plan.methods.map((method) => [method.name, compacted(method).options]);
  const [one, other] = [optionsOf(here), structuredClone(optionsOf(there))];
  expect(one.map(([name]) => name)).toContain('filter');
  expect(other).toStrictEqual(structuredClone(one));
  expect(new Set(bytesIn(optionsOf(here)).map((each) => Buffer.isBuffer(each)))).toEqual(new Set([false]));
  await full.remove();
});

/** The bytes in a value, at any depth. */
function bytesIn(value: unknown): readonly Uint8Array[] {
  if (value instanceof Uint8Array) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(bytesIn) : [];
}

describe('a large shadow file', () => {
  const shadowText = { live: file(routes(3)), next: file(routes(MANY)) };
  const at = (name: string): string => join(folder, name);
  let running: Shadowed;
  afterEach(() => running.close());

  async function start(): Promise<void> {
    writeFileSync(at('live.yaml'), `shadow: next.yaml\n${shadowText.live}`);
    writeFileSync(at('next.yaml'), shadowText.next);
    running = await shadowed(at('live.yaml'), undefined);
  }

  test('is read again in a thread, and the file before it is evaluated until then', async () => {
    await start();
    const { gate, send, after } = running;
    const { since } = gate.shadow();
    writeFileSync(at('next.yaml'), shadowText.next.replace(KEY, 'another-key-of-the-host'));
    await gate.reload();
    expect(gate.shadow()).toMatchObject({ state: 'active', since });
    await until(() => gate.shadow().since !== since);
    expect((await send({ path: '/r1/x', headers: { 'X-API-Key': KEY } })).status).toBe(200);
    const { differences } = await after(1);
    expect(differences).toMatchObject([{ from: { outcome: 'granted' }, to: { status: 401 } }]);
  });

  test('with a mistake is rejected, and a file that a reload would refuse says so', async () => {
    await start();
    const { gate, send } = running;
    writeFileSync(at('next.yaml'), shadowText.next.replace('api_key: true', 'api_kei: true'));
    await gate.reload();
    await until(() => gate.shadow().state === 'rejected');
    expect(gate.shadow().errors?.[0]).toContain('api_kei');
    const moved = shadowText.next.replace('id: r0, path: /r0/*', 'id: r0, path: /elsewhere/*');
    writeFileSync(at('next.yaml'), `${moved}  - { id: all, path: /*, auth: none }\n`);
    await gate.reload();
    await until(() => gate.shadow().state === 'active');
    expect(gate.shadow().reload_errors?.[0]).toContain('/r0/* was guarded by api_key and would be PUBLIC');
    expect((await send({ path: '/r0/x' })).status).toBe(401);
  });

  test('that is no longer named ends its thread, and nothing is evaluated', async () => {
    await start();
    const { gate, send } = running;
    await gate.reload();
    writeFileSync(at('live.yaml'), shadowText.live);
    await gate.reload();
    expect(gate.shadow().state).toBe('off');
    expect((await send({ path: '/r1/x', headers: { 'X-API-Key': KEY } })).status).toBe(200);
    expect(gate.shadow().state).toBe('off');
  });
});
