/** The modules of the example match their sources, and the Rust source is the page's. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callTargets } from '../../src/auth/methods/plugin/calls.js';
import { CallOuts } from '../../src/wasm/callouts.js';
import { InlineRunner } from '../../src/wasm/inline.js';
import { loadModule } from '../../src/wasm/module.js';
import { ROOT } from '../support/built.js';
import { decisionOf } from '../support/plugin-runner.js';
import { quietLog } from '../support/quiet-log.js';

const EXAMPLE = join(ROOT, 'examples/wasm-plugin');
const MISSING = 3;
const output = mkdtempSync(join(tmpdir(), 'loom-plugins-'));
afterAll(() => rmSync(output, { recursive: true }));

function build(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(EXAMPLE, 'build.mjs'), ...args], {
    encoding: 'utf8',
  });
  return { status, words: `${stdout}${stderr}`.trim() };
}

const committed = (name: string): Buffer => readFileSync(join(EXAMPLE, `auth-${name}.wasm`));
const factsOf = (bytes: Uint8Array) => loadModule(bytes, 16_000_000).facts;

/** Its decisions without a key, with a wrong key and with the right key. */
async function decisions(bytes: Uint8Array): Promise<readonly unknown[]> {
  const names = { name: 'auth', rootId: 'auth', vmId: 'auth', upstreams: [], env: {}, logLevel: 'info' } as const;
  const config = { config: new Uint8Array(0), vmConfig: new Uint8Array(0), memoryLimitBytes: 16_000_000 };
  const times = { timeoutMs: 5_000, pauseTimeoutMs: 5_000, workers: 1 };
  const { targets, agents } = callTargets([]);
  const runner = new InlineRunner({
    bytes,
    log: quietLog(),
    callOuts: new CallOuts(targets, agents),
    options: { ...names, ...config, ...times },
  });
  await runner.ready;
  const judged: unknown[] = [];
  for (const key of [[], [['x-api-key', 'wrong']], [['x-api-key', 'sk_example_orders']]] as [string, string][][]) {
    const pairs = [[':method', 'GET'], [':path', '/'], [':authority', 'gw'], ...key] as [string, string][];
    judged.push(await decisionOf(runner, { pairs, properties: {}, hasBody: false }));
  }
  await runner.close();
  return judged;
}

describe('the source in Rust', () => {
  const source = readFileSync(join(EXAMPLE, 'rust/src/lib.rs'), 'utf8');
  const page = readFileSync(join(ROOT, '__tests__/fixtures/loom-authentication.md'), 'utf8');
  const [block = ''] = /^impl HttpContext for AuthPlugin \{\n[^]*?^\}\n/m.exec(page) ?? [];

  test('contains the page’s impl HttpContext byte for byte', () => {
    expect(block).toContain('self.add_http_request_header("X-Authenticated-User", "user123");');
    expect(source.split(block)).toHaveLength(2);
  });

  test('adds only the struct, the other impl, the entry point and validate_api_key', () => {
    const rest = source.replace(block, '').match(/^(?:\S.*|\s+fn .*)$/gm) ?? [];
    const items = rest.filter((line) => !/^(?:\/\/|[})])/.test(line.trim()));
    expect(items.map((line) => line.trim())).toEqual([
      'use proxy_wasm::traits::*;',
      'use proxy_wasm::types::*;',
      'struct AuthPlugin;',
      'impl Context for AuthPlugin {}',
      'proxy_wasm::main! {{',
      'const API_KEY: &str = "sk_example_orders";',
      'impl AuthPlugin {',
      'fn validate_api_key(&self, api_key: &str) -> bool {',
    ]);
  });
});

test('the modules name their tools, and no folder of the machine that built them', () => {
  expect(factsOf(committed('rust'))).toMatchObject({
    abi: '0.2.1',
    producer: 'rustc 1.63.0',
    sdk: 'proxy-wasm 0.2.2',
  });
  expect(factsOf(committed('assemblyscript'))).toMatchObject({
    abi: '0.2.1',
    producer: 'AssemblyScript',
    sdk: '@gcoredev/proxy-wasm-sdk-as',
  });
  for (const name of ['rust', 'assemblyscript']) {
    for (const encoding of ['latin1', 'utf16le'] as const) {
      expect(committed(name).toString(encoding)).not.toMatch(/\/(?:home|root|tmp|Users|work)\//);
    }
    expect(committed(name).length).toBeLessThan(100_000);
  }
});

test('AssemblyScript builds the module again, byte for byte', async () => {
  const { status, words } = build('assemblyscript', '--out', output);
  expect({ status, words }).toMatchObject({
    status: 0,
    words: expect.stringMatching(/^assemblyscript: .+ bytes/) as string,
  });
  expect(readFileSync(join(output, 'auth-assemblyscript.wasm')).equals(committed('assemblyscript'))).toBe(true);
  expect(await decisions(committed('assemblyscript'))).toEqual(await decisions(committed('rust')));
}, 300_000);

const tools = build('rust', '--tools');
const rust = tools.status === MISSING ? test.skip : test;

rust(
  `Rust builds the module again (${tools.words})`,
  async () => {
    const { status, words } = build('rust', '--out', output);
    // The compiler is installed without crates: without a network there is nothing to compile.
    if (status === MISSING) return console.warn(words);
    expect({ status, words }).toMatchObject({ status: 0, words: expect.stringMatching(/^rust: .+ bytes/) as string });
    const built = readFileSync(join(output, 'auth-rust.wasm'));
    // Another compiler builds another module with the same behaviour.
    const same = factsOf(built).producer === factsOf(committed('rust')).producer;
    if (same) expect(built.equals(committed('rust'))).toBe(true);
    expect(await decisions(built)).toEqual(await decisions(committed('rust')));
  },
  600_000,
);

test('a missing tool is reported, with how to install it', () => {
  const env = { ...process.env, PATH: output };
  const { status, stderr } = spawnSync(process.execPath, [join(EXAMPLE, 'build.mjs'), 'rust'], {
    env,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: MISSING, stderr: 'rust: no rustc on the path (https://rustup.rs)\n' });
  expect(build('cobol')).toMatchObject({ status: 1, words: 'cobol: there is no plugin of that name' });
});
