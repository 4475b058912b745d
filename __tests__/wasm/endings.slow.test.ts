/**
 * Threads that were asked to end and still run: they are few, they are counted, and the exit of the process does not
 * wait for them.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { NO_METRICS } from '../support/no-metrics.js';
import { Endings, endings, type Ending } from '../../src/wasm/endings.js';
import { built, NODE } from '../support/built.js';
import { closeRunners, outcome, run, start } from '../support/plugin-runner.js';
import { Background } from '../support/process.js';
import { until } from '../support/until.js';
import { LOOP, made, type Kit } from '../support/wat-plugin.js';
import { fromWat } from '../support/wat.js';

const stuck: Stuck[] = [];
afterEach(async () => {
  stuck.splice(0).forEach((each) => each.end());
  await closeRunners();
});

/** A thread that ends when the test says so. */
class Stuck implements Ending {
  end: () => void = () => undefined;
  referred = true;

  constructor() {
    stuck.push(this);
  }

  terminate(): Promise<void> {
    return new Promise((resolve) => (this.end = resolve));
  }

  unref(): void {
    this.referred = false;
  }
}

const ALICE = 'x-authenticated-user=alice';
const plugin = made((kit: Kit) => ({ onRequest: `${kit.on('l', LOOP)} ${kit.grant()}` }));

describe('a thread that does not end', () => {
  test('is overdue after a moment: the process does not wait for it, and is killed when it exits', async () => {
    const kill = (): void => undefined;
    const [own, thread] = [new Endings(kill), new Stuck()];
    const told: object[] = [];
    await own.end('p', thread, (ended) => told.push(ended));
    expect({ told, referred: thread.referred, running: own.running('p') }).toEqual({
      told: [
        { running: 1, overdue: 0 },
        { running: 1, overdue: 1 },
      ],
      referred: false,
      running: 1,
    });
    expect(process.listeners('exit')).toContain(kill);
    thread.end();
    await until(() => own.running('p') === 0);
    expect(process.listeners('exit')).not.toContain(kill);
    expect(told.at(-1)).toEqual({ running: 0, overdue: 0 });
  });

  test('twin: a thread that ends at once leaves nothing', async () => {
    const kill = (): void => undefined;
    const own = new Endings(kill);
    await own.end('p', { terminate: () => Promise.resolve(), unref: () => undefined });
    expect(own.running('p')).toBe(0);
    expect(process.listeners('exit')).not.toContain(kill);
  });
});

describe('a process with a thread that V8 does not end', () => {
  /** Unmetered, so that Node would wait for minutes at exit. */
  async function exiting(wat: string, last: string): Promise<Background> {
    const bytes = Buffer.from(await fromWat(wat)).toString('base64');
    const script = `
import { Worker } from 'node:worker_threads';
import { endings } from ${JSON.stringify(pathToFileURL(join(built(), '../../wasm/endings.js')).href)};
const worker = new Worker(\`
  const module = new WebAssembly.Module(Buffer.from('${bytes}', 'base64'));
  process.getBuiltinModule('node:worker_threads').parentPort.postMessage('here');
  new WebAssembly.Instance(module).exports.run();\`, { eval: true });
worker.once('message', () => setTimeout(async () => {
  await endings.end('p', worker);
  console.log('given up or ended');
  ${last}
}, 100));`;
    return new Background(NODE, ['--input-type=module', '-e', script]);
  }

  const ENDLESS = `(module (memory 216) (func (export "run")
    (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 13631488)) (br 0))))`;

  test.each([
    ['process.exit', 'process.exit(0);'],
    ['the end of its last task', ''],
  ])('is killed at %s', async (_how, last) => {
    const child = await exiting(ENDLESS, last);
    await child.until(/given up/);
    const before = performance.now();
    // No exit code: a signal.
    expect(await child.ended).toBeNull();
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  test.each([['process.exit(0);'], ['']])('twin: with a thread that ends, it exits with 0: %j', async (last) => {
    const child = await exiting('(module (func (export "run") (loop (br 0))))', last);
    expect(await child.ended).toBe(0);
  });
});

describe('while as many threads as the pool has still run after their end', () => {
  test('no other is started, requests are refused at once, the metric counts them; afterwards requests pass again', async () => {
    const name = 'crowded';
    const gauge: number[] = [];
    const metrics = { ...NO_METRICS, gauge: (_name: string, _labels: object, value: number) => void gauge.push(value) };
    const { ask } = await run(await plugin, { isolation: 'worker', timeoutMs: 100, name, metrics });
    expect(outcome(await ask())).toBe(ALICE);
    const others = [new Stuck(), new Stuck()];
    for (const each of others) void endings.end(name, each);
    // The serving thread and the spare one.
    expect(outcome(await ask('l'))).toBe('timeout');
    expect(outcome(await ask('l'))).toBe('timeout');
    const before = performance.now();
    const refused = await ask();
    expect(refused.kind === 'fault' && [refused.fault, refused.detail]).toEqual([
      'unavailable',
      'threads of the plugin that were asked to end still run; no other is started',
    ]);
    // A request that waits for a thread would be refused after 5 s.
    expect(performance.now() - before).toBeLessThan(2_000);
    expect(Math.max(...gauge)).toBeGreaterThanOrEqual(3);
    others.forEach((each) => each.end());
    await until(() => endings.running(name) === 0);
    expect(outcome(await ask())).toBe(ALICE);
    expect(gauge.at(-1)).toBeLessThan(3);
  });

  test('a plugin of that name does not start; it starts when they have ended in time', async () => {
    const name = 'reloaded';
    const others = [new Stuck(), new Stuck()];
    for (const each of others) void endings.end(name, each);
    await expect(start(await plugin, { isolation: 'worker', name }).runner.ready).rejects.toThrow('still run');
    const second = start(await plugin, { isolation: 'worker', name });
    others.forEach((each) => each.end());
    await second.runner.ready;
    expect(outcome(await second.ask())).toBe(ALICE);
  });

  test('twin: as many threads of another plugin change nothing', async () => {
    for (const each of [new Stuck(), new Stuck()]) void endings.end('another', each);
    const { ask } = await run(await plugin, { isolation: 'worker', name: 'honest' });
    expect(outcome(await ask())).toBe(ALICE);
  });
});

test('a runner with such a thread is closed in bounded time', async () => {
  const { runner } = await run(await plugin, { isolation: 'worker', timeoutMs: 60_000 });
  runner.judge({ properties: {}, hasBody: false, pairs: [['x-do', 'l']] }, () => undefined);
  const before = performance.now();
  await runner.close();
  expect(performance.now() - before).toBeLessThan(10_000);
});
