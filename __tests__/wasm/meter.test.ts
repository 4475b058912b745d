/** The loop guard of `inline`: a metered module is valid, behaves as before, and stops in an endless loop. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import wabt from 'wabt';
import { ModuleError } from '../../src/wasm/binary.js';
import { meterModule } from '../../src/wasm/meter.js';
import { ROOT } from '../support/built.js';

type Run = (x: number) => unknown;
type Numbers = Record<string, (...operands: number[]) => unknown>;

class Stopped extends Error {}

/** In the text format, with every feature that a module may use. */
async function binary(text: string, features: Readonly<Record<string, boolean>> = {}): Promise<Uint8Array> {
  const parser = await wabt();
  const all = { bulk_memory: true, sign_extension: true, reference_types: true, multi_value: true };
  const parsed = parser.parseWat('metered.wat', text, {
    ...all,
    sat_float_to_int: true,
    mutable_globals: true,
    ...features,
  });
  try {
    return parsed.toBinary({}).buffer;
  } finally {
    parsed.destroy();
  }
}

interface Instance {
  readonly exports: Numbers;
  /** The number of calls of the guard. */
  readonly ticks: () => number;
}

/** The guard stops the module after `most` calls. */
function instantiate(bytes: Uint8Array, imports: WebAssembly.Imports = {}, most = Infinity): Instance {
  let ticks = 0;
  const tick = (): void => {
    ticks += 1;
    if (ticks > most) throw new Stopped();
  };
  const module = new WebAssembly.Module(Uint8Array.from(bytes));
  const { exports } = new WebAssembly.Instance(module, { ...imports, loom: { tick } });
  return { exports: exports as Numbers, ticks: () => ticks };
}

/** The result of a call: a value or a trap. */
function result(run: Run, x: number): unknown {
  try {
    return run(x);
  } catch (error) {
    return (error as Error).message;
  }
}

const add = '(func $add (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))';
const sub = '(func $sub (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1)))';
const BINARY = '(type $binary (func (param i32 i32) (result i32)))';
const chosen = (table: string): string =>
  `(func (export "run") (param i32) (result i32)
     (call_indirect ${table} (type $binary) (i32.const 40) (i32.const 2) (i32.and (local.get 0) (i32.const 7))))`;
const IMPORTED = '(import "env" "twice" (func $twice (param i32) (result i32)))';

/** One export `run`, from a number to any type. */
const MODULES: Readonly<Record<string, string>> = {
  'nothing but a function': '(module (func (export "run") (param i32) (result i32) (local.get 0)))',
  'a loop': `(module (func (export "run") (param i32) (result i32) (local i32)
    (local.set 0 (i32.and (local.get 0) (i32.const 4095)))
    (block $out (loop $in (br_if $out (i32.eqz (local.get 0))) (local.set 1 (i32.add (local.get 1) (local.get 0)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br $in))) (local.get 1)))`,
  'a loop with parameters': `(module (func (export "run") (param i32) (result i32)
    (i32.const 1) (i32.and (local.get 0) (i32.const 15))
    (loop (param i32 i32) (result i32) (local.set 0) (i32.const 3) (i32.mul) (local.get 0) (i32.const 1) (i32.sub)
      (local.tee 0) (local.get 0) (i32.const 0) (i32.gt_s) (br_if 0) (drop))))`,
  br_table: `(module (func (export "run") (param i32) (result i32)
    (block (block (block (br_table 0 1 2 1 (local.get 0))) (return (i32.const 10))) (return (i32.const 20))) (i32.const 30)))`,
  'an imported function': `(module ${IMPORTED} ${add} (func (export "run") (param i32) (result i32)
    (call $add (call $twice (local.get 0)) (i32.const 1))) (export "again" (func $twice)))`,
  recursion: `(module (func $fib (param i32) (result i32) (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
    (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
    (func (export "run") (param i32) (result i32) (call $fib (i32.and (local.get 0) (i32.const 15)))))`,
  globals: `(module (global $a (mut i32) (i32.const 5)) (global $b i64 (i64.const -7)) (global $c f64 (f64.const 1.5)) (global $f (mut funcref) (ref.func $add))
    ${add} (func (export "run") (param i32) (result i64) (global.set $a (i32.add (global.get $a) (local.get 0)))
    (i64.add (global.get $b) (i64.extend_i32_s (global.get $a))) (drop (ref.is_null (global.get $f)))))`,
  'an exported global':
    '(module (global (export "g") (mut i32) (i32.const 1)) (func (export "run") (param i32) (result i32) (global.set 0 (local.get 0)) (global.get 0)))',
  'an imported global':
    '(module (import "env" "base" (global $base i32)) (global $next i32 (global.get $base)) (func (export "run") (param i32) (result i32) (i32.add (global.get $next) (local.get 0))))',
  'a start section':
    '(module (global $g (mut i32) (i32.const 0)) (func $go (global.set $g (i32.const 7))) (start $go) (func (export "run") (param i32) (result i32) (i32.mul (global.get $g) (local.get 0))))',
  'elements by index': `(module ${IMPORTED} ${BINARY} (table 4 funcref) ${add} ${sub} (elem (i32.const 1) $add $sub) ${chosen('')})`,
  'elements of a table by name': `(module ${IMPORTED} ${BINARY} (table $t 4 funcref) (table $u 4 funcref) ${add} ${sub} (elem (table $u) (i32.const 0) func $add $sub) ${chosen('$u')})`,
  'elements as expressions': `(module ${IMPORTED} ${BINARY} (table 4 funcref) ${add} ${sub} (elem (i32.const 1) funcref (ref.func $sub) (ref.null func) (ref.func $add)) ${chosen('')})`,
  'elements as expressions, of a table by name': `(module ${IMPORTED} ${BINARY} (table 1 funcref) (table $u 4 funcref) ${add} ${sub} (elem (table $u) (offset (i32.const 1)) funcref (item (ref.func $sub)) (ref.func $add)) ${chosen('$u')})`,
  'passive elements': `(module ${IMPORTED} ${BINARY} (table 4 funcref) ${add} ${sub} (elem $e func $sub $add)
    (func $go (table.init $e (i32.const 1) (i32.const 0) (i32.const 2)) (elem.drop $e)) (start $go) ${chosen('')})`,
  'passive elements as expressions': `(module ${IMPORTED} ${BINARY} (table 4 funcref) ${add} ${sub} (elem $e funcref (ref.func $add) (ref.null func))
    (func $go (table.init $e (i32.const 2) (i32.const 0) (i32.const 2))) (start $go) ${chosen('')})`,
  'declared elements': `(module ${IMPORTED} ${BINARY} (table 4 funcref) ${add} ${sub} (elem declare func $add $sub)
    (func $go (table.set (i32.const 3) (ref.func $sub))) (start $go) ${chosen('')})`,
  'tables that are copied and grown': `(module ${BINARY} (table $t 8 funcref) ${add} ${sub} (elem (i32.const 0) $add $sub)
    (func $go (table.copy (i32.const 3) (i32.const 0) (i32.const 2)) (table.fill (i32.const 6) (ref.func $sub) (i32.const 2)) (drop (table.grow (ref.null func) (i32.const 3)))
      (table.set (i32.const 5) (table.get (i32.const 1)))) (start $go) ${chosen('')})`,
  'several results': `(module (func $pair (param i32) (result i32 i64) (local.get 0) (i64.const 9)) (func (export "run") (param i32) (result i64 i32)
    (local $n i64) (call $pair (local.get 0)) (local.set $n) (i32.const 3) (i32.add) (local.set 0) (local.get $n) (local.get 0)))`,
  'bulk memory': `(module (memory 1) (data $d "abcdefgh") (func (export "run") (param i32) (result i32)
    (memory.init $d (i32.const 100) (i32.const 0) (i32.const 8)) (memory.copy (i32.const 104) (i32.const 100) (i32.const 8))
    (memory.fill (i32.const 102) (local.get 0) (i32.const 2)) (i32.load (i32.const 102))))`,
  'a dropped segment':
    '(module (memory 1) (data $d "abcdefgh") (func (export "run") (param i32) (result i32) (data.drop $d) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (i32.const 1)))',
  'sign extension':
    '(module (func (export "run") (param i32) (result i64) (i64.extend32_s (i64.extend16_s (i64.extend8_s (i64.extend_i32_u (i32.extend16_s (i32.extend8_s (local.get 0)))))))))',
  'saturating conversions': `(module (func (export "run") (param i32) (result i64) (i64.add
    (i64.trunc_sat_f64_s (f64.mul (f64.convert_i32_s (local.get 0)) (f64.const 1e15))) (i64.extend_i32_u (i32.trunc_sat_f32_u (f32.convert_i32_s (local.get 0)))))))`,
  constants:
    '(module (func (export "run") (param i32) (result f64) (f64.add (f64.promote_f32 (f32.const 0x1.8p+1)) (f64.add (f64.const -0.1) (f64.convert_i64_s (i64.add (i64.const -9223372036854775808) (i64.extend_i32_s (local.get 0))))))))',
  'every load and store': `(module (memory 1) (func (export "run") (param i32) (result i64) (i64.store offset=70000 align=1 (i32.const -65000) (i64.const 1))
    (i32.store8 (i32.const 3) (local.get 0)) (i64.store32 (i32.const 8) (i64.extend_i32_u (local.get 0))) (i64.add (i64.load8_s (i32.const 3)) (i64.load16_u offset=4 (i32.const 4)))))`,
  'memory that grows':
    '(module (memory 1 3) (func (export "run") (param i32) (result i32) (i32.add (memory.grow (i32.and (local.get 0) (i32.const 1))) (memory.size))))',
  'a typed select':
    '(module (func (export "run") (param i32) (result i32) (select (result i32) (i32.const 1) (i32.const 2) (local.get 0))))',
  traps:
    '(module (func (export "run") (param i32) (result i32) (i32.div_s (i32.const 100) (i32.rem_s (local.get 0) (i32.const 3)))))',
  'code that is never reached':
    '(module (func (export "run") (param i32) (result i32) (return (local.get 0)) (loop (br 0)) unreachable))',
  'many locals':
    '(module (func (export "run") (param i32) (result i32) (local i32 i64 f32 f64 funcref i32 i32) (local.set 7 (local.get 0)) (local.get 7)))',
};

const IMPORTS = { env: { twice: (x: number) => x * 2, base: 11 } };

test.each(Object.keys(MODULES))('%s: same result', async (name) => {
  const bytes = await binary(MODULES[name] as string);
  const [plain, metered] = [instantiate(bytes, IMPORTS), instantiate(meterModule(bytes), IMPORTS)];
  const [one, other] = [plain.exports['run'] as Run, metered.exports['run'] as Run];
  for (let x = -3; x < 20; x += 1) expect([x, result(other, x)]).toEqual([x, result(one, x)]);
  fc.assert(
    fc.property(fc.integer(), (x) => expect(result(other, x)).toEqual(result(one, x))),
    { numRuns: 30 },
  );
  expect(Object.keys(metered.exports)).toEqual(Object.keys(plain.exports));
});

const folder = join(ROOT, 'examples/wasm-plugin');
const examples = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.wasm') && !name.includes('node_modules') && !name.includes('target'),
);

test.each(examples)('the modules of SDKs are valid: %s', (name) => {
  const bytes = readFileSync(join(folder, name));
  const [before, after] = [bytes, meterModule(bytes)].map((each) => new WebAssembly.Module(Uint8Array.from(each)));
  const exported = (module?: WebAssembly.Module) => module && WebAssembly.Module.exports(module);
  const imported = (module?: WebAssembly.Module) => module && WebAssembly.Module.imports(module);
  expect(exported(after)).toEqual(exported(before));
  expect(imported(after)).toEqual([...(imported(before) ?? []), { module: 'loom', name: 'tick', kind: 'function' }]);
});

describe('an endless run is stopped:', () => {
  const ENDLESS: Readonly<Record<string, string>> = {
    'a loop': '(loop (br 0))',
    'a loop in a loop': '(loop (loop (br 1)))',
    'a loop with br_if': '(loop (br_if 0 (i32.const 1)))',
    'a loop with br_table': '(loop (br_table 0 0 0 (i32.const 1)))',
    'a loop of calls': '(loop (call $nothing) (br 0))',
    'a loop of indirect calls': '(loop (call_indirect (i32.const 0)) (br 0))',
    'a loop that sets its counter': '(loop (global.set $mine (i32.const 1000)) (br 0))',
    'a loop of bulk moves': '(loop (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)) (br 0))',
    'calls without end': '(call $tree (i32.const 62))',
  };

  test.each(Object.keys(ENDLESS))('%s', async (name) => {
    const bytes = await binary(`(module (memory 1) (table 1 funcref) (elem (i32.const 0) $nothing)
      (global $mine (mut i32) (i32.const 0)) (func $nothing)
      (func $tree (param i32) (if (local.get 0) (then (call $tree (i32.sub (local.get 0) (i32.const 1))) (call $tree (i32.sub (local.get 0) (i32.const 1))))))
      (func (export "run") ${ENDLESS[name] ?? ''}))`);
    const { exports, ticks } = instantiate(meterModule(bytes), {}, 20);
    expect(() => exports['run']?.()).toThrow(Stopped);
    expect(ticks()).toBe(21);
    // Again: the counter is still used.
    expect(() => exports['run']?.()).toThrow(Stopped);
  });

  test('a start section', async () => {
    const bytes = await binary('(module (func $go (loop (br 0))) (start $go))');
    expect(() => instantiate(meterModule(bytes), {}, 20)).toThrow(Stopped);
  });

  test('tail calls, which use no stack', async () => {
    const bytes = await binary('(module (func $on (export "run") (return_call $on)))', { tail_call: true });
    expect(() => instantiate(meterModule(bytes), {}, 20).exports['run']?.()).toThrow(Stopped);
  });
});

test('the guard is called once in a thousand laps, so that it costs little', async () => {
  const bytes = await binary(`(module (func (export "run") (param i32)
    (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`);
  const { exports, ticks } = instantiate(meterModule(bytes));
  exports['run']?.(100_000);
  expect(ticks()).toBeGreaterThanOrEqual(99);
  expect(ticks()).toBeLessThanOrEqual(101);
});

test.each([
  ['exceptions', '(module (tag $t) (func (export "run") (throw $t)))', { exceptions: true }],
  ['vectors', '(module (func (export "run") (drop (v128.const i32x4 0 0 0 0))))', { simd: true }],
  [
    'atomics',
    '(module (memory 1 1 shared) (func (export "run") (drop (i32.atomic.load (i32.const 0)))))',
    { threads: true },
  ],
  ['an imported memory', '(module (import "env" "memory" (memory 1)))', {}],
])('an instruction that cannot be metered is refused with a message: %s', async (_what, text, features) => {
  const bytes = await binary(text, features);
  expect(() => meterModule(bytes)).toThrow(ModuleError);
});
