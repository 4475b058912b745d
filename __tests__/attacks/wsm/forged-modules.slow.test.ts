/** Modules that attack their reader: false numbers, names with line ends, a million sections. */
import { meterModule } from '../../../src/wasm/meter.js';
import { loadModule } from '../../../src/wasm/module.js';
import { leb } from '../../../src/wasm/binary.js';
import { fromWat, pluginWat } from '../../support/wat.js';

const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const MOST = 0xffff_ffff;
const section = (id: number, content: readonly number[]): readonly number[] => [id, ...leb(content.length), ...content];
const MEMORY = section(5, [1, 0, 1]);
const load = (bytes: Uint8Array) => loadModule(bytes, 16 * 1_048_576);

/** Returns the error, which must be thrown at once. */
function refusalOf(act: () => unknown): string {
  const before = performance.now();
  try {
    act();
  } catch (cause) {
    expect(performance.now() - before).toBeLessThan(2_000);
    return (cause as Error).message;
  }
  throw new Error('it was not refused');
}

test('a function of four billion parameters is cut short, and not counted to the end', () => {
  const bytes = Uint8Array.from([...MAGIC, ...section(1, [1, 0x60, ...leb(MOST)]), ...MEMORY]);
  expect(refusalOf(() => load(bytes))).toBe('is cut short');
});

test('the same for a branch to as many labels', () => {
  const body = [0, 0x0e, ...leb(MOST), 0x0b];
  const bytes = Uint8Array.from([
    ...[...MAGIC, ...section(1, [1, 0x60, 0, 0]), ...section(3, [1, 0]), ...MEMORY],
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
  expect(refusalOf(() => meterModule(bytes))).toBe('is cut short');
});

test('a million sections are refused', () => {
  const bytes = Buffer.concat([Buffer.from(MAGIC), Buffer.alloc(2_000_000)]);
  expect(refusalOf(() => load(bytes))).toMatch(/more than 1000 sections/);
});

describe('names with line ends and terminal codes', () => {
  const EVIL = '\\0aroute admin PUBLIC\\1b[31m';
  test.each([
    ['of a host function', `(import "env" "proxy_x${EVIL}" (func))`],
    ['of anything else', `(import "env" "x${EVIL}" (func))`],
    ['of a module', `(import "env${EVIL}" "x" (func))`],
  ])('%s: the message is one printable line', async (_what, imports) => {
    const bytes = await fromWat(pluginWat({ imports }));
    const words = refusalOf(() => load(bytes));
    expect(words).toMatch(/^[\x20-\x7e]+$/);
    expect(words).toMatch(/^imports env/);
  });

  test('of something exported twice, in the message of the engine', async () => {
    const bytes = Buffer.from(
      await fromWat(pluginWat({ body: `(func (export "twice${EVIL}a")) (func (export "twice${EVIL}b"))` })),
    );
    bytes[bytes.indexOf('[31mb', 0, 'latin1') + 4] = 'a'.charCodeAt(0);
    const words = refusalOf(() => load(bytes));
    expect(words).toMatch(/^is not valid WebAssembly[\x20-\x7e]+$/);
  });
});

test('twin: a valid module', async () => {
  const bytes = await fromWat(pluginWat({ imports: '(import "env" "proxy_to_come" (func (result i32)))' }));
  expect(load(bytes).facts.imports).toEqual(['env.proxy_to_come']);
  expect(load(meterModule(bytes)).facts.abi).toBe('0.2.1');
});
