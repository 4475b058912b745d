/**
 * The meter of `isolation: worker`: every module that V8 accepts behaves as before, and calls the host before each
 * costly instruction.
 */
import wabt from 'wabt';
import { ModuleError } from '../../src/wasm/binary.js';
import { meterModule } from '../../src/wasm/meter.js';

type Run = (x: number) => unknown;

async function binary(text: string): Promise<Uint8Array> {
  const features = { bulk_memory: true, reference_types: true, simd: true, exceptions: true, tail_call: true };
  const parsed = (await wabt()).parseWat('metered.wat', text, { ...features, threads: true, multi_value: true });
  try {
    return parsed.toBinary({}).buffer;
  } finally {
    parsed.destroy();
  }
}

interface Ran {
  readonly result: unknown;
  readonly ticks: number;
}

function ran(bytes: Uint8Array, x: number): Ran {
  let ticks = 0;
  const loom = { tick: () => void (ticks += 1) };
  const module = new WebAssembly.Module(Uint8Array.from(bytes));
  const { exports } = new WebAssembly.Instance(module, { loom, env: { twice: (n: number) => n * 2 } });
  const result = (exports['run'] as Run)(x);
  return { result, ticks };
}

const IMPORT = '(import "env" "twice" (func $twice (param i32) (result i32)))';
const run = (body: string, more = ''): string =>
  `(module ${IMPORT} (memory 2) ${more} (func (export "run") (param i32) (result i32) ${body}))`;

/** A module with one export `run`, and the number of its calls to the host. */
const MODULES: Readonly<Record<string, readonly [string, number]>> = {
  'nothing costly: a loop and calls': [
    run(
      '(loop (local.set 0 (i32.add (call $twice (local.get 0)) (i32.const 1))) (br_if 0 (i32.lt_u (local.get 0) (i32.const 99)))) (local.get 0)',
    ),
    0,
  ],
  vectors: [
    run(`(v128.store offset=16 (i32.const 0) (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31
      (v128.const i32x4 1 2 3 4) (i32x4.splat (local.get 0))))
      (memory.copy (i32.const 0) (i32.const 16) (i32.const 16))
      (v128.store32_lane 2 (i32.const 32) (v128.load8_lane 3 (i32.const 1) (v128.load32_zero (i32.const 0))))
      (i32x4.extract_lane 3 (i32x4.add (v128.load (i32.const 0)) (v128.load32_splat (i32.const 4))))`),
    1,
  ],
  atomics: [
    run(`(atomic.fence) (drop (memory.atomic.notify (i32.const 8) (i32.const 1)))
      (drop (i32.atomic.rmw.add offset=4 (i32.const 0) (local.get 0))) (i32.atomic.load (i32.const 4))`),
    1,
  ],
  exceptions: [
    run(
      `(try (result i32) (do (throw $tag (call $twice (local.get 0)))) (catch $tag (i32.const 1) (i32.add))
        (catch_all (i32.const -1)))`,
      '(tag $tag (param i32))',
    ),
    1,
  ],
  'every memory instruction': [
    run(
      `(memory.init $d (i32.const 0) (i32.const 0) (i32.const 4)) (memory.copy (i32.const 8) (i32.const 0) (i32.const 4))
        (memory.fill (i32.const 12) (i32.const 1) (i32.const 2)) (data.drop $d)
        (i32.add (memory.grow (i32.const 1)) (i32.load (i32.const 10)))`,
      '(data $d "abcd")',
    ),
    4,
  ],
  'every table instruction': [
    run(
      `(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 2)) (table.copy $t $t (i32.const 2) (i32.const 0) (i32.const 2))
        (table.fill $t (i32.const 4) (table.get $t (i32.const 1)) (i32.const 1)) (elem.drop $e)
        (drop (table.grow $t (ref.null func) (i32.const 1)))
        (call_indirect $t (param i32) (result i32) (local.get 0) (i32.const 4))`,
      '(table $t 8 funcref) (elem $e func $twice $thrice) (func $thrice (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))',
    ),
    4,
  ],
  'a start section and exports': [
    `(module ${IMPORT} (memory (export "m") 1) (global $g (export "g") (mut i32) (i32.const 0)) (start $go)
      (func $go (memory.fill (i32.const 0) (i32.const 7) (i32.const 4)) (global.set $g (call $twice (i32.const 4))))
      (func (export "run") (param i32) (result i32) (i32.add (global.get $g) (i32.load8_u (i32.const 3)))))`,
    1,
  ],
};

test.each(Object.entries(MODULES))('%s', async (_what, [text, ticks]) => {
  const bytes = await binary(text);
  const metered = meterModule(bytes, 'worker');
  for (const x of [0, 1, 7, -5]) {
    const { result } = ran(bytes, x);
    expect(ran(metered, x)).toEqual({ result, ticks });
  }
});

const leb = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...leb(Math.floor(value / 128))];
const section = (id: number, content: readonly number[]): number[] => [id, ...leb(content.length), ...content];

/** One function of type 0 with these bytes, after many types, so that a type index may look like an opcode. */
function raw(body: readonly number[]): Uint8Array {
  const types = Array.from({ length: 70 }, () => [0x60, 0, 0]).flat();
  const code = [...leb(body.length), ...body];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [70, ...types]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [1, 3, ...Buffer.from('run'), 0, 0]),
    ...section(10, [1, ...code]),
  ]);
}

const FILL = [0x41, 0, 0x41, 0, 0x41, 8, 0xfc, 11, 0];

describe('a reference type is read completely, so that no instruction is hidden after it', () => {
  // (ref null 65): its last byte is the opcode of i32.const, which would include the next instruction.
  const TYPE = [0x63, 0xc1, 0x00];
  test.each([
    ['of a block', [0, 0x02, ...TYPE, 0xd0, 0xc1, 0, ...FILL, 0x0b, 0x1a, 0x0b]],
    ['of a local', [1, 1, ...TYPE, ...FILL, 0x0b]],
    ['of a select', [0, 0xd0, 0xc1, 0, 0xd0, 0xc1, 0, 0x41, 1, 0x1c, 1, ...TYPE, 0x1a, ...FILL, 0x0b]],
  ])('%s', (_where, body) => {
    const bytes = raw(body);
    expect(ran(bytes, 0)).toEqual({ result: undefined, ticks: 0 });
    expect(ran(meterModule(bytes, 'worker'), 0)).toEqual({ result: undefined, ticks: 1 });
    expect(ran(meterModule(bytes, 'inline'), 0).ticks).toBe(1);
  });
});

test.each([
  ['behind 0xfc', [0xfc, 0x20]],
  ['behind 0xfd', [0xfd, ...leb(0x140)]],
  ['of its own', [0xe0]],
])('an unknown instruction is refused: %s', (_where, instruction) => {
  expect(() => meterModule(raw([0, ...instruction, 0x0b]), 'worker')).toThrow(ModuleError);
});
