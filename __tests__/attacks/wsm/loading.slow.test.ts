/** Modules that do not match the file: the gateway does not start, and reports why. */
import { truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGround } from '../../support/attack-ground.js';
import { callback, i32, LOOP, made } from '../../support/wat-plugin.js';
import { fromWat, pluginWat, type Parts } from '../../support/wat.js';
import { closePlugins, expectGranted, moduleFile, openPlugins } from './plugin-ground.js';

afterAll(closePlugins);

const wat = (parts: Parts = {}) => fromWat(pluginWat(parts));
const without = async (text: string): Promise<Uint8Array> => fromWat(pluginWat().replace(text, ''));

/** A module with one more section, which wabt does not write. */
async function withTypes(content: readonly number[]): Promise<Uint8Array> {
  const bytes = await wat();
  const size = bytes[9] as number;
  const section = [1, content.length + size, (bytes[10] as number) + 1, ...bytes.subarray(11, 10 + size), ...content];
  return Uint8Array.from([...bytes.subarray(0, 8), ...section, ...bytes.subarray(10 + size)]);
}

/** Why the file is refused, before any code of the module runs. */
const CASES: Readonly<Record<string, readonly [() => Promise<Uint8Array | string>, RegExp]>> = {
  'an empty file': [() => Promise.resolve(''), /is not a WebAssembly module/],
  'a text': [() => Promise.resolve('<html>not found</html>'), /is not a WebAssembly module/],
  'the text format': [() => Promise.resolve(pluginWat()), /is not a WebAssembly module/],
  'a component': [
    () => Promise.resolve(Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])),
    /is not a WebAssembly module/,
  ],
  'a header and nothing else': [() => Promise.resolve(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])), /module /],
  'half a module': [async () => (await wat()).slice(0, 90), /module /],
  'a module with a byte changed': [async () => (await wat()).map((byte, at) => (at === 12 ? 0x10 : byte)), /module /],
  'no ABI': [() => without('(func (export "proxy_abi_version_0_2_1"))'), /no proxy_abi_version/],
  'an ABI to come': [() => wat({ abi: '0_3_0' }), /built for ABI 0\.3\.0/],
  'two ABIs': [() => wat({ body: '(func (export "proxy_abi_version_0_1_0"))' }), /several ABI versions/],
  'an unknown import': [() => wat({ imports: '(import "env" "system" (func (param i32)))' }), /imports env\.system/],
  'an import of another host': [
    () => wat({ imports: '(import "node:fs" "readFileSync" (func))' }),
    /imports node:fs\.readFileSync/,
  ],
  'an import of another kind': [
    () => wat({ imports: '(import "env" "proxy_table" (table 1 funcref))' }),
    /imports env\.proxy_table/,
  ],
  'no memory': [() => wat({ memory: '' }), /no memory/],
  'a memory that it does not export': [() => wat({ memory: '(memory 2)' }), /does not export its memory/],
  'more memory than its limit at its start': [
    () => wat({ memory: '(memory (export "memory") 300)' }),
    /more than its limit/,
  ],
  'no allocator': [() => wat({ allocator: '' }), /no allocator/],
  'no judgement': [
    () => without('(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))'),
    /would let every request pass/,
  ],
  'tables for millions': [() => wat({ body: '(table 9000000 funcref)' }), /table of more than/],
  'nine tables': [() => wat({ body: '(table 1 externref)'.repeat(9) }), /has 9 tables/],
  'object types': [() => withTypes([0x5e, 0x7f, 1]), /object types/],
};

/** What the module does when it starts. */
const STARTS: Readonly<Record<string, readonly [() => Promise<Uint8Array>, RegExp]>> = {
  'a start that traps': [() => wat({ body: '(start $go) (func $go unreachable)' }), /does not start/],
  'a start that never ends': [() => wat({ body: `(start $go) (func $go ${LOOP})` }), /does not start/],
  'an on_vm_start that returns false': [
    () => wat({ body: callback('proxy_on_vm_start', 2, i32(0)) }),
    /on_vm_start refused/,
  ],
  'an on_vm_start that traps': [() => wat({ body: callback('proxy_on_vm_start', 2, 'unreachable') }), /does not start/],
  'an on_configure that returns false': [
    () => wat({ body: callback('proxy_on_configure', 2, i32(0)) }),
    /refused its configuration/,
  ],
  'an on_configure that traps': [
    () => wat({ body: callback('proxy_on_configure', 2, 'unreachable') }),
    /does not start/,
  ],
  'an on_configure that never ends': [
    () => wat({ body: callback('proxy_on_configure', 2, `${LOOP} unreachable`) }),
    /start/,
  ],
  'an on_configure that starts ticks and returns false': [
    () =>
      made((kit) => ({
        body: callback('proxy_on_configure', 2, `${kit.do('proxy_set_tick_period_milliseconds', i32(10))} ${i32(0)}`),
      })),
    /refused its configuration/,
  ],
};

/** The error message instead of listening. */
async function refusalOf(top: string): Promise<string> {
  const routes = '\n  - { id: guarded, path: /guarded/*, upstream: backend, auth: { guard: true } }';
  const words = await openGround({ routes, top }).then(
    () => 'it listens',
    (error: unknown) => String(error),
  );
  await closePlugins().catch(() => undefined);
  return words;
}

const refusal = (path: string, options = ''): Promise<string> =>
  refusalOf(`plugins:\n  - { name: guard, path: "${path}"${options} }`);

describe('WSM-03 a gateway whose plugin is', () => {
  test('not a plugin: does not start, and reports each error', async () => {
    const names = Object.keys(CASES);
    const cases = Object.values(CASES);
    const blocks = await Promise.all(
      cases.map(async ([make], at) => `  - { name: guard${at === 0 ? '' : at}, path: "${moduleFile(await make())}" }`),
    );
    const lines = (await refusalOf(`plugins:\n${blocks.join('\n')}`)).split('\n');
    const said = (at: number): string => lines.find((line) => line.includes(`plugins[${at}].path: the module`)) ?? '';
    expect(names.filter((_name, at) => !(cases[at] as (typeof cases)[number])[1].test(said(at)))).toEqual([]);
  });

  test.each(Object.keys(STARTS))('%s: does not start', async (name) => {
    const [make, words] = STARTS[name] as (typeof STARTS)[string];
    const bytes = await make();
    for (const isolation of ['worker', 'inline']) {
      const said = await refusal(moduleFile(bytes), `, isolation: ${isolation}`);
      expect(said).toMatch(/^Error: ended before/);
      expect(said).toMatch(words);
      expect(said).not.toMatch(/^\s+at /m);
    }
  });

  test('missing, a folder, or too large: does not start', async () => {
    expect(await refusal(join(tmpdir(), 'loom-no-such-plugin.wasm'))).toMatch(
      /ended before.*\n(?:.*\n)*.*plugins\[0\]\.path/,
    );
    expect(await refusal(tmpdir())).toMatch(/plugins\[0\]\.path/);
    const large = moduleFile('');
    // A gigabyte of zeros, which takes no place on the disk.
    truncateSync(large, 2 ** 30);
    expect(await refusal(large)).toMatch(/it is larger than/);
  });

  test('with another digest: does not start', async () => {
    const path = moduleFile(await made((kit) => ({ onRequest: kit.grant() })));
    expect(await refusal(path, `, sha256: "${'0'.repeat(64)}"`)).toMatch(/is not that of the file/);
  });

  test('twin: valid: starts', async () => {
    const ground = await openPlugins({ guard: { build: (kit) => ({ onRequest: kit.grant() }) } });
    await expectGranted(ground, 'alice', '/guard/x');
    await expectGranted(ground, 'alice', '/guard-inline/x');
  });
});
