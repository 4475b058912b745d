/** The guard of plugins on the gateway's own thread also stops long work without many loops in time. */
import { meterModule } from '../../../src/wasm/meter.js';
import { closeRunners, outcome, run } from '../../support/plugin-runner.js';
import { made, type Kit } from '../../support/wat-plugin.js';
import { fromWat } from '../../support/wat.js';

afterEach(closeRunners);

const LIMIT_MS = 100;
/** Without reads of the clock a thousand of these took seconds. A busy machine doubles the allowed time. */
const AT_MOST_MS = 1_000;

const repeated = (act: string): string =>
  `(loop $l ${act} (local.set $n (i32.add (local.get $n) (i32.const 1))) (br_if $l (i32.lt_u (local.get $n) (i32.const 1000000))))`;

/** Vectors of 8 KiB of line ends, a thousand of them. */
const PRINT = {
  imports: '(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))',
  act: `(memory.fill (i32.const 200000) (i32.const 10) (i32.const 10000))
    (loop $v
      (i32.store (i32.add (i32.const 400000) (i32.mul (local.get $n) (i32.const 8))) (i32.const 200000))
      (i32.store (i32.add (i32.const 400004) (i32.mul (local.get $n) (i32.const 8))) (i32.const 8192))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $v (i32.lt_u (local.get $n) (i32.const 1024))))
    (local.set $n (i32.const 0))
    ${repeated('(drop (call $write (i32.const 1) (i32.const 400000) (i32.const 1024) (i32.const 56)))')}`,
};
const RANDOM = {
  imports: '(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))',
  act: repeated('(drop (call $random (i32.const 200000) (i32.const 65536)))'),
};

const built = ({ imports, act }: typeof PRINT): Promise<Uint8Array> =>
  made((kit: Kit) => ({
    ...{ imports, memory: '(memory (export "memory") 20)' },
    onRequest: `(local $n i32) ${kit.on('p', act)} ${kit.grant()}`,
  }));

test.each([
  ['prints millions of empty lines', PRINT],
  ['draws random numbers', RANDOM],
])('a plugin that %s is stopped at its deadline', async (_what, what) => {
  const { ask } = await run(await built(what), { isolation: 'inline', timeoutMs: LIMIT_MS });
  const before = performance.now();
  expect(outcome(await ask('p'))).toBe('timeout');
  expect(performance.now() - before).toBeLessThan(AT_MOST_MS);
  expect(outcome(await ask('-'))).toBe('x-authenticated-user=alice');
});

test('twin: a plugin that prints a little', async () => {
  const { ask, said } = await run(
    await built({
      ...PRINT,
      act: `(i32.store (i32.const 48) (i32.const 2048)) (i32.store (i32.const 52) (i32.const 4))
        (i32.store (i32.const 2048) (i32.const 0x0a6f6c68)) (drop (call $write (i32.const 1) (i32.const 48) (i32.const 1) (i32.const 56)))`,
    }),
    { isolation: 'inline' },
  );
  expect(outcome(await ask('p'))).toBe('x-authenticated-user=alice');
  expect(said).toEqual(['hlo']);
});

describe('code without loops', () => {
  const stretch = (count: number): Promise<Uint8Array> =>
    fromWat(`(module (memory 1) (func (export "run") (param i32) (result i32)
      ${'(local.set 0 (i32.mul (local.get 0) (i32.const 3)))'.repeat(count)} (local.get 0)))`);
  const ticksOf = async (count: number, times: number): Promise<number> => {
    let ticks = 0;
    const module = new WebAssembly.Module(meterModule(await stretch(count)) as Uint8Array<ArrayBuffer>);
    const { exports } = new WebAssembly.Instance(module, { loom: { tick: () => void (ticks += 1) } });
    for (let at = 0; at < times; at += 1) (exports['run'] as (of: number) => number)(1);
    return ticks;
  };

  test('counts by length: two million instructions cause two or three reads of the clock', async () => {
    expect(await ticksOf(10_000, 50)).toBeGreaterThanOrEqual(1);
    expect(await ticksOf(10_000, 50)).toBeLessThanOrEqual(3);
  });

  test('twin: a short sequence is one lap, and has the same result', async () => {
    expect(await ticksOf(5, 999)).toBe(0);
    const module = new WebAssembly.Module(meterModule(await stretch(2_500)) as Uint8Array<ArrayBuffer>);
    const { exports } = new WebAssembly.Instance(module, { loom: { tick: () => undefined } });
    let expected = 1;
    for (let at = 0; at < 2_500; at += 1) expected = Math.imul(expected, 3);
    expect((exports['run'] as (of: number) => number)(1)).toBe(expected);
  });

  test('of one function too long to compile in time is refused, because the compiler cannot be stopped', async () => {
    const bytes = await stretch(40_000);
    expect(() => meterModule(bytes)).toThrow(/a function of more than 262144 bytes, which cannot be metered/);
  });
});
