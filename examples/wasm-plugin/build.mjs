/**
 * Builds both plugins from source: `node examples/wasm-plugin/build.mjs [rust] [assemblyscript] [--out FOLDER]`.
 * With `--tools` it says what it would build with, and builds nothing. Exit code 3: something is missing.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HERE = dirname(fileURLToPath(import.meta.url));
/** The newer name first: Rust 1.84 dropped the older. */
const TARGETS = ['wasm32-wasip1', 'wasm32-wasi'];
const EXIT = { failed: 1, missing: 3 };

/** What is needed is not there; the words say what. */
class Missing extends Error {}

const PLUGINS = {
  rust: {
    tools: rustToolchain,
    version: ({ rustc, target }) => `${words(rustc, ['--version'])} for ${target}`,
    build({ rustc, cargo, target }, output) {
      // Outside the tree, so that neither crates nor objects stay in it.
      const folder = realpathSync(mkdtempSync(join(tmpdir(), 'auth-plugin-')));
      try {
        for (const each of ['Cargo.toml', 'Cargo.lock', 'src']) {
          cpSync(join(HERE, 'rust', each), join(folder, each), { recursive: true });
        }
        fetchCrates(folder);
        // Panics name the file that they come from: not where it stood on the machine that built it.
        const flags = `--remap-path-prefix=${folder}=.`;
        const env = { RUSTC: rustc, CARGO_ENCODED_RUSTFLAGS: flags, CARGO_TARGET_DIR: 'target' };
        run(cargo, ['build', '--release', '--offline', '--locked', '--target', target], { cwd: folder, env });
        shrink(join(folder, 'target', target, 'release/auth_plugin.wasm'), output);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  },
  assemblyscript: {
    tools() {
      installed('@gcoredev/proxy-wasm-sdk-as/package.json');
      const shim = installed('@assemblyscript/wasi-shim/asconfig.json');
      return { compiler: installed('assemblyscript/bin/asc.js'), shim };
    },
    version: ({ compiler }) => `asc ${words(process.execPath, [compiler, '--version']).replace(/^Version /, '')}`,
    build({ compiler, shim }, output) {
      // Relative: from an absolute path it finds no library.
      const options = ['--config', relative(HERE, shim), '--use', 'abort=abort_proc_exit', '-O3', '--outFile', output];
      run(process.execPath, [compiler, 'assemblyscript/index.ts', ...options], { cwd: HERE });
    },
  },
};

/** The first Rust compiler on the path that has the standard library of a WASI target, and the Cargo beside it. */
function rustToolchain() {
  const compilers = programs('rustc');
  for (const rustc of compilers) {
    const libraries = join(words(rustc, ['--print', 'sysroot']), 'lib/rustlib');
    const target = TARGETS.find((each) => existsSync(join(libraries, each, 'lib')));
    const cargo = join(dirname(rustc), 'cargo');
    if (target && existsSync(cargo)) return { rustc, cargo, target };
  }
  if (compilers.length === 0) throw new Missing('no rustc on the path (https://rustup.rs)');
  throw new Missing(
    `no rustc on the path (${compilers.join(', ')}) has the standard library of ${TARGETS.join(' or ')}: ` +
      '`rustup target add wasm32-wasip1`, or on Debian `apt install cargo libstd-rust-dev-wasm32 lld`',
  );
}

/** Into `vendor`, by any Cargo that can: an old one may build what only a newer one can fetch. */
function fetchCrates(folder) {
  const faults = [];
  for (const [cargo, more] of programs('cargo').flatMap((each) => [
    [each, ['--offline']],
    [each, []],
  ])) {
    const fetched = spawnSync(cargo, ['vendor', '--locked', '--versioned-dirs', ...more], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (fetched.status === 0) {
      mkdirSync(join(folder, '.cargo'));
      writeFileSync(join(folder, '.cargo/config.toml'), fetched.stdout);
      return;
    }
    faults.push(`${cargo}: ${fetched.stderr}`);
  }
  throw new Missing(`the crates cannot be fetched:\n${faults.join('\n')}`);
}

/** Binaryen comes with AssemblyScript; without it the module is larger, and else the same. */
function shrink(input, output) {
  const optimizer = find('binaryen/bin/wasm-opt') ?? find('assemblyscript/node_modules/binaryen/bin/wasm-opt');
  if (optimizer) run(process.execPath, [optimizer, '-Oz', '--strip-debug', input, '-o', output]);
  else cpSync(input, output);
}

function installed(path) {
  const found = find(path);
  if (found) return found;
  const needed = 'assemblyscript @assemblyscript/wasi-shim @gcoredev/proxy-wasm-sdk-as';
  throw new Missing(`${path} is not installed: \`npm install --save-dev ${needed}\``);
}

/** In the nearest `node_modules` that has it. */
function find(path) {
  const folders = [HERE];
  while (dirname(folders[0]) !== folders[0]) folders.unshift(dirname(folders[0]));
  return folders.map((each) => join(each, 'node_modules', path)).findLast((each) => existsSync(each));
}

/** All of a name on the path, links that lead to the same folder once. */
function programs(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((each) => existsSync(join(each, name)));
  return [...new Set(folders.map((each) => realpathSync(each)))].map((each) => join(each, name));
}

const words = (program, args) => run(program, args).trim();

function run(program, args, { cwd, env } = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    ...{ cwd, encoding: 'utf8', maxBuffer: 64 * 1_048_576 },
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw error ?? new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

const { values, positionals } = parseArgs({
  options: { out: { type: 'string', default: HERE }, tools: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const folder = resolve(values.out);
mkdirSync(folder, { recursive: true });
for (const name of positionals.length > 0 ? positionals : Object.keys(PLUGINS)) {
  const output = join(folder, `auth-${name}.wasm`);
  try {
    if (!Object.hasOwn(PLUGINS, name)) throw new Error('there is no plugin of that name');
    const { tools, version, build } = PLUGINS[name];
    const found = tools();
    if (!values.tools) build(found, output);
    const built = values.tools ? '' : `auth-${name}.wasm, ${readFileSync(output).length} bytes, by `;
    console.log(`${name}: ${built}${version(found)}`);
  } catch (cause) {
    console.error(`${name}: ${cause.message}`);
    process.exitCode = cause instanceof Missing ? EXIT.missing : EXIT.failed;
  }
}
