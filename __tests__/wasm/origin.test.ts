/** The tools that built a module, from its producers section or from the traces of its compiler. */
import { originOf, readProducers } from '../../src/wasm/origin.js';
import { producers, withProducers, type Tool } from '../support/producers.js';
import { fromWat } from '../support/wat.js';

const originOfModule = (bytes: Uint8Array) => originOf(new WebAssembly.Module(Uint8Array.from(bytes)), bytes);
const empty = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
const made = (...fields: (readonly [string, readonly Tool[]])[]) =>
  originOfModule(withProducers(empty, producers(fields)));

test('a module without any trace yields nothing', () => {
  expect(originOfModule(empty)).toEqual({});
});

describe('the producers section', () => {
  test.each<readonly [string, readonly Tool[], string]>([
    ['rustc without its commit', [['rustc', '1.63.0 (4b91a6ea7 2022-08-08)']], 'rustc 1.63.0'],
    [
      'rustc before the C compiler of its libraries',
      [
        ['Debian clang', '14.0.6'],
        ['rustc', '1.63.0'],
      ],
      'rustc 1.63.0',
    ],
    ['the C++ compiler if it is the only one', [['clang', '14.0.0 (https://github.com/llvm x)']], 'clang 14.0.0'],
    [
      'TinyGo before clang',
      [
        ['clang', '17.0'],
        ['TinyGo', '0.34.0'],
      ],
      'TinyGo 0.34.0',
    ],
    ['Go', [['Go cmd/compile', 'go1.24.1']], 'Go cmd/compile go1.24.1'],
    [
      'AssemblyScript if the module names it',
      [
        ['wasm-opt', '120'],
        ['AssemblyScript', '0.28'],
      ],
      'AssemblyScript 0.28',
    ],
    ['an unknown tool', [['wat2wasm', '']], 'wat2wasm'],
  ])('yields %s', (_what, tools, producer) => {
    expect(made(['language', [['C', '']]], ['processed-by', tools])).toEqual({ producer });
  });

  test('yields the SDK if it is named', () => {
    expect(made(['sdk', [['Proxy-Wasm C++', '0.2']]])).toEqual({ sdk: 'Proxy-Wasm C++ 0.2' });
  });

  test('with unprintable text yields nothing', () => {
    expect(made(['processed-by', [['\u001b[31mrustc', '1']]], ['sdk', [['a'.repeat(81), '']]])).toEqual({});
  });

  test('cut at any place is read as far as possible, and never throws', () => {
    const whole = producers([['processed-by', [['rustc', '1.63.0']]]]);
    for (let length = 0; length < whole.length; length += 1) {
      expect([...readProducers(whole.subarray(0, length)).values()].flat()).toEqual([]);
    }
    expect(readProducers(whole).get('processed-by')).toEqual([['rustc', '1.63.0']]);
    expect(readProducers(Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0xff]))).toEqual(new Map());
  });
});

describe('the traces of a compiler', () => {
  const holding = async (words: string, encoding: BufferEncoding) => {
    const hex = [...Buffer.from(words, encoding)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
    return originOfModule(await fromWat(`(module (memory 1) (data (i32.const 0) "${hex}"))`));
  };

  test.each<readonly [string, object]>([
    ['~lib/rt/itcms.ts', { producer: 'AssemblyScript' }],
    ['~lib/@solo-io/proxy-runtime/runtime.ts', { producer: 'AssemblyScript', sdk: '@solo-io/proxy-runtime' }],
    ['~lib/of nobody', {}],
  ])('%s in UTF-16', async (words, origin) => {
    expect(await holding(words, 'utf16le')).toEqual(origin);
  });

  test.each<readonly [string, object]>([
    ['/x/index.crates.io-1949/proxy-wasm-0.2.3/src/dispatcher.rs', { sdk: 'proxy-wasm 0.2.3' }],
    ['./vendor/proxy-wasm/src/hostcalls.rs', { sdk: 'proxy-wasm' }],
    ['/x/proxy-wasm-of-another/README', {}],
  ])('%s', async (words, origin) => {
    expect(await holding(words, 'latin1')).toEqual(origin);
  });
});
