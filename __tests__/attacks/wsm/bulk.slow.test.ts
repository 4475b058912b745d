/**
 * Plugins that never return from instructions whose cost is not constant: their threads end, and so does the process.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import wabt from 'wabt';
import { endings } from '../../../src/wasm/endings.js';
import { built, NODE } from '../../support/built.js';
import { closeRunners, OPTIONS, outcome, run } from '../../support/plugin-runner.js';
import { freePorts } from '../../support/ports.js';
import { Background } from '../../support/process.js';
import { until } from '../../support/until.js';
import { Kit } from '../../support/wat-plugin.js';

afterEach(closeRunners);

const MANY = 13_631_488;
const FUNCTIONS = 60_000;
const all = (...numbers: readonly number[]): string => numbers.map((each) => `(i32.const ${each})`).join(' ');

/** Each instruction whose cost is not constant, with operands for a large and for a small amount of work. */
const KINDS: Readonly<Record<string, (large: boolean) => string>> = {
  'memory.fill': (large) => `(memory.fill ${all(200_000, 1, large ? MANY : 8)})`,
  'memory.copy': (large) => `(memory.copy ${all(200_000, 200_001, large ? MANY : 8)})`,
  'memory.init': (large) => `(memory.init $d ${all(200_000, 0, large ? 50_000 : 8)})`,
  'memory.grow': (large) => `(drop (memory.grow ${all(large ? 0 : 1)}))`,
  'table.fill': (large) => `(table.fill $t (i32.const 0) (ref.func $f) (i32.const ${large ? FUNCTIONS : 8}))`,
  'table.copy': (large) => `(table.copy $t $t ${all(0, 1, large ? FUNCTIONS : 8)})`,
  'table.init': (large) => `(table.init $t $e ${all(0, 0, large ? FUNCTIONS : 8)})`,
  'table.grow': (large) => `(drop (table.grow $t (ref.null func) (i32.const ${large ? 0 : 1})))`,
};
const LETTERS = Object.fromEntries(Object.keys(KINDS).map((kind, at) => [kind, String.fromCharCode(97 + at)]));

/** `x-do: a` repeats the first kind forever, `x-do: A` runs it once. */
async function plugin(): Promise<Uint8Array> {
  const kit = new Kit();
  const acts = Object.entries(KINDS).map(([kind, act]) => {
    const letter = LETTERS[kind] as string;
    return `${kit.on(letter, `(loop $l ${act(true)} (br $l))`)} ${kit.on(letter.toUpperCase(), act(false))}`;
  });
  const wat = kit.wat({
    memory: `(memory (export "memory") 220) (table $t ${FUNCTIONS + 10} 65536 funcref) (func $f)
      (data $d "${'a'.repeat(50_000)}") (elem $e func ${'$f '.repeat(FUNCTIONS)})`,
    onRequest: `${acts.join('\n')} ${kit.grant()}`,
  });
  const parsed = (await wabt()).parseWat('bulk.wat', wat, { bulk_memory: true, reference_types: true });
  try {
    return parsed.toBinary({}).buffer;
  } finally {
    parsed.destroy();
  }
}

const bytes = plugin();
const ALICE = 'x-authenticated-user=alice';

describe('WSM-13 a loop of instructions whose cost is not constant', () => {
  test.each(Object.entries(LETTERS))('%s: its thread ends after the refusal', async (_kind, letter) => {
    const name = `loops-${letter}`;
    const { ask } = await run(await bytes, { isolation: 'worker', timeoutMs: 100, name });
    expect(outcome(await ask(letter))).toBe('timeout');
    // Unmetered, such a thread runs for minutes.
    await until(() => endings.running(name) === 0);
    expect(outcome(await ask())).toBe(ALICE);
  });

  test.each(Object.entries(LETTERS))('twin: one %s of a reasonable size is granted', async (_kind, letter) => {
    const { ask, runner } = await run(await bytes, { isolation: 'worker' });
    for (let at = 0; at < 5; at += 1) expect(outcome(await ask(letter.toUpperCase()))).toBe(ALICE);
    expect(runner.stats().restarts).toBe(0);
  });

  test('twenty in a row hold the memory of few threads', async () => {
    const name = 'loops-many';
    const { ask } = await run(await bytes, { isolation: 'worker', timeoutMs: 50, name });
    for (let at = 0; at < 20; at += 1) {
      await ask('a');
      expect(endings.running(name)).toBeLessThanOrEqual(OPTIONS.workers + 1);
    }
    await until(() => endings.running(name) === 0);
    expect(outcome(await ask())).toBe(ALICE);
  });
});

describe('WSM-13 SIGTERM while a thread is inside such a loop', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loom-bulk-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const statusOf = (port: number, doing: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const asked = httpGet({ port, path: '/x', agent: false, headers: { 'x-do': doing } }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      });
      asked.on('error', reject);
    });

  /** The real command, on a file with the plugin. Its upstream is unreachable, so a request that passes is 502. */
  async function served(): Promise<{ readonly gateway: Background; readonly port: number }> {
    const [port = 0] = await freePorts(1);
    writeFileSync(join(folder, 'plugin.wasm'), await bytes);
    writeFileSync(
      join(folder, 'loom.yaml'),
      `listeners: [{ address: "127.0.0.1:${port}" }]
upstreams: [{ name: backend, endpoints: [{ host: 127.0.0.1, port: 1 }] }]
plugins: [{ name: bulk, path: ./plugin.wasm, throttle: false, identity_headers: [X-Authenticated-User] }]
routes: [{ id: all, path: /*, upstream: backend, auth: { bulk: true } }]
`,
    );
    const gateway = new Background(NODE, [built(), 'serve', join(folder, 'loom.yaml')]);
    await gateway.until(/the configuration is in use/);
    return { gateway, port };
  }

  test.each(['memory.fill', 'memory.copy', 'table.fill'])('%s: the process ends with 0', async (kind) => {
    const { gateway, port } = await served();
    expect(await statusOf(port, LETTERS[kind] as string)).toBe(503);
    const before = performance.now();
    expect(await gateway.stop('SIGTERM')).toBe(0);
    // An unmetered thread took 74 s. This deadline detects it on a busy machine too.
    expect(performance.now() - before).toBeLessThan(20_000);
  });

  test('twin: requests without such a loop pass the plugin, before and after one', async () => {
    const { gateway, port } = await served();
    expect(await statusOf(port, 'A')).toBe(502);
    expect(await statusOf(port, 'a')).toBe(503);
    expect(await statusOf(port, 'A')).toBe(502);
    expect(await gateway.stop('SIGTERM')).toBe(0);
  });
});
