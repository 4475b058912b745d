/**
 * Modules are checked before they run: what a plugin must be, may import, and may have. Any bytes are either loaded or
 * refused.
 */
import fc from 'fast-check';
import { clampMemory, leb, memoryOf, ModuleError, readLeb, sectionsOf } from '../../src/wasm/binary.js';
import { meterModule } from '../../src/wasm/meter.js';
import { loadModule } from '../../src/wasm/module.js';
import { fromWat, pluginWat, type Parts } from '../support/wat.js';

const MIB = 1_048_576;
const load = async (parts: Parts, limit = 16 * MIB) => loadModule(await fromWat(pluginWat(parts)), limit);

describe('is refused:', () => {
  test.each<[string, Parts, RegExp]>([
    ['an ABI of tomorrow', { abi: '0_3_0' }, /ABI 0\.3\.0/],
    ['an ABI of yesterday', { abi: '0_0_1' }, /ABI 0\.0\.1/],
    ['two ABIs', { body: '(func (export "proxy_abi_version_0_1_0"))' }, /several ABI/],
    ['an ABI twice as large', { abi: '0_2_1', body: '(func (export "proxy_abi_version_9_9_9"))' }, /several ABI/],
    ['an unknown import', { imports: '(import "env" "fork" (func))' }, /imports env\.fork/],
    ['an unknown module', { imports: '(import "wasix" "fork" (func))' }, /imports wasix\.fork/],
    [
      'an unknown part of WASI',
      { imports: '(import "wasi_snapshot_preview1" "fork" (func))' },
      /wasi_snapshot_preview1\.fork/,
    ],
    [
      'a name of every object',
      { imports: '(import "wasi_unstable" "constructor" (func))' },
      /wasi_unstable\.constructor/,
    ],
    ['an imported global', { imports: '(import "env" "proxy_log" (global i32))' }, /imports env\.proxy_log/],
    ['an imported table', { imports: '(import "env" "proxy_table" (table 1 funcref))' }, /imports env\.proxy_table/],
    ['no allocator', { allocator: '' }, /allocator/],
    ['a hidden memory', { memory: '(memory 1)' }, /does not export its memory/],
    ['an imported memory', { memory: '(import "env" "memory" (memory 1))' }, /memory/],
    [
      'no memory',
      { memory: '', allocator: '(func (export "malloc") (param i32) (result i32) (i32.const 0))' },
      /memory/,
    ],
    ['a shared memory', { memory: '(memory (export "memory") 1 2 shared)' }, /shared/],
    ['more memory than its limit at the start', { memory: '(memory (export "memory") 300)' }, /more than its limit/],
    ['a table of millions', { body: '(table 9000000 funcref)' }, /table/],
  ])('%s', async (_what, parts, words) => {
    const judged = load(parts);
    await expect(judged).rejects.toThrow(ModuleError);
    await expect(judged).rejects.toThrow(words);
  });

  test('a module without proxy_on_request_headers, which would let every request pass', async () => {
    const bytes = await fromWat(pluginWat().replace('proxy_on_request_headers', 'proxy_on_response_headers'));
    expect(() => loadModule(bytes, MIB)).toThrow(/no proxy_on_request_headers/);
  });

  test('a module whose proxy_on_request_headers is not a function', async () => {
    const wat = pluginWat({ body: '(global (export "proxy_on_request_headers") i32 (i32.const 0))' }).replace(
      'proxy_on_request_headers',
      'something_else',
    );
    const bytes = await fromWat(wat);
    expect(() => loadModule(bytes, MIB)).toThrow(/no proxy_on_request_headers/);
  });

  test('no marker of the ABI', async () => {
    const bytes = await fromWat(pluginWat().replace('proxy_abi_version_0_2_1', 'proxy_abi_version'));
    expect(() => loadModule(bytes, MIB)).toThrow(/no proxy_abi_version/);
  });
});

test.each(['0_1_0', '0_2_0', '0_2_1'])('twin: ABI %s', async (abi) => {
  expect((await load({ abi })).facts.abi).toBe(abi.replaceAll('_', '.'));
});

test('every import of the SDKs is allowed', async () => {
  const wasi = ['fd_write', 'proc_exit', 'random_get', 'environ_get', 'path_open', 'sock_send', 'poll_oneoff'];
  const imports = [
    '(import "env" "abort" (func (param i32 i32 i32 i32)))',
    '(import "env" "proxy_of_tomorrow" (func))',
    ...wasi.map((name) => `(import "wasi_snapshot_preview1" "${name}" (func))`),
    ...wasi.map((name) => `(import "wasi_unstable" "${name}" (func))`),
  ];
  expect((await load({ imports: imports.join('\n') })).facts.imports).toHaveLength(imports.length);
});

describe('memory', () => {
  const maximumOf = async (memory: string, limit: number): Promise<number | undefined> =>
    memoryOf(clampMemory(await fromWat(pluginWat({ memory: `(memory (export "memory") ${memory})` })), limit))
      .maximumPages;

  test.each([
    ['2', 16 * MIB, 256],
    ['2 10', 16 * MIB, 10],
    ['2 65536', 16 * MIB, 256],
    ['2', 2 * 65_536, 2],
    ['2', 3 * 65_536 - 1, 2],
    ['0', 65_536, 1],
    ['2', 4_096 * MIB, 65_536],
  ])('%s with a limit of %d bytes may have %d pages', async (memory, limit, pages) => {
    expect(await maximumOf(memory, limit)).toBe(pages);
  });

  test('beyond 32 bits, a second memory and an invalid size are refused', async () => {
    const bytes = await fromWat(pluginWat());
    const section = sectionsOf(bytes).find(({ id }) => id === 5);
    if (!section) throw new Error('no memory');
    const withMemory = (...content: number[]): Uint8Array =>
      Buffer.concat([
        bytes.subarray(0, section.start),
        Buffer.from([5, content.length, ...content]),
        bytes.subarray(section.end),
      ]);
    expect(memoryOf(withMemory(1, 0, 2))).toEqual({ initialPages: 2 });
    for (const content of [
      [1, 4, 2],
      [1, 5, 2, 3],
      [1, 8, 2, 0],
      [1, 3, 2, 3],
      [2, 0, 2, 0, 2],
      [0],
      [1, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0],
      [1, 0, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ]) {
      expect(() => loadModule(withMemory(...content), 16 * MIB)).toThrow(ModuleError);
    }
  });
});

test('numbers are read exactly, up to 32 bits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), fc.uint8Array({ maxLength: 3 }), (value, rest) => {
      const bytes = Uint8Array.from([...leb(value), ...rest]);
      expect(readLeb(bytes, 0)).toEqual({ value, next: leb(value).length });
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), (bytes) => {
      try {
        expect(readLeb(bytes, 0).next).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(ModuleError);
      }
    }),
  );
});

function isValid(bytes: Uint8Array): boolean {
  try {
    return new WebAssembly.Module(Uint8Array.from(bytes)) instanceof WebAssembly.Module;
  } catch {
    return false;
  }
}

describe('arbitrary bytes', () => {
  const whole = fromWat(
    pluginWat({
      imports: '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))',
      body: `(table 4 funcref) (elem (i32.const 1) $a $b) (start $a) (data (i32.const 9) "text")
        (func $a (local i32 i64) (block (loop (br_table 0 1 (i32.const 0)))) (drop (call $log (i32.const 0) (i32.const 0) (i32.const 0))))
        (func $b (memory.copy (i32.const 0) (i32.const 8) (i32.const 8)) (call_indirect (i32.const 1)))`,
    }),
  );

  /** Loads and meters the bytes. Either may refuse with a message. Returns whether V8 accepts the result. */
  const judged = (bytes: Uint8Array): void => {
    try {
      loadModule(bytes, MIB);
    } catch (error) {
      expect(error).toBeInstanceOf(ModuleError);
    }
    let metered: Uint8Array;
    try {
      metered = meterModule(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(ModuleError);
      return;
    }
    // The meter keeps a module valid.
    if (isValid(bytes)) expect(isValid(metered)).toBe(true);
  };

  test('truncated at any place', async () => {
    const bytes = await whole;
    for (let length = 0; length < bytes.length; length += 1) judged(bytes.slice(0, length));
    expect(() => loadModule(bytes, 16 * MIB)).not.toThrow();
  });

  test('any byte changed', async () => {
    const bytes = await whole;
    for (let at = 0; at < bytes.length; at += 1) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff, (bytes[at] ?? 0) ^ 1, (bytes[at] ?? 0) + 1]) {
        const changed = Uint8Array.from(bytes);
        changed[at] = value;
        judged(changed);
      }
    }
  });

  test('parts cut out, doubled and moved', async () => {
    const bytes = await whole;
    const place = fc.nat({ max: bytes.length });
    fc.assert(
      fc.property(place, place, place, fc.uint8Array({ maxLength: 6 }), (a, b, c, inserted) => {
        judged(Buffer.concat([bytes.subarray(0, a), inserted, bytes.subarray(b), bytes.subarray(c)]));
        judged(Buffer.concat([bytes.subarray(0, a), inserted, bytes.subarray(a)]));
        judged(Buffer.concat([bytes.subarray(0, Math.min(a, b)), bytes.subarray(Math.max(a, b))]));
      }),
      { numRuns: 300 },
    );
  });

  test('random sections behind the magic number', () => {
    const section = fc
      .tuple(fc.nat({ max: 14 }), fc.uint8Array({ maxLength: 20 }))
      .map(([id, content]) => [id, ...leb(content.length), ...content]);
    fc.assert(
      fc.property(fc.array(section, { maxLength: 8 }), (sections) => {
        judged(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]));
      }),
      { numRuns: 500 },
    );
  });
});
