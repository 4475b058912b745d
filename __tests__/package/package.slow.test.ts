/** The promises of package.json: its entry, its command, and no packages at run time except its dependencies. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { linksOf, PAGES } from '../docs/pages.js';
import { built, NODE, ROOT } from '../support/built.js';
import { runProcess } from '../support/process.js';

interface Manifest {
  readonly type: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: { readonly '.': Readonly<Record<string, { readonly types: string; readonly default: string }>> };
  readonly main: string;
  readonly types: string;
  readonly files: readonly string[];
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies?: object;
  readonly peerDependenciesMeta?: Readonly<Record<string, object>>;
}
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as Manifest;
/** The folder of the installed package. Modules that resolve there resolve for users. */
const installed = (): string => join(dirname(built()), '../..');

test('src imports all its dependencies, and no other package', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((each) =>
    /\.c?ts$/.test(each),
  );
  const specifiers = sources
    .flatMap((name) => ts.preProcessFile(read(join('src', name)), true, true).importedFiles)
    .map(({ fileName }) => fileName)
    .filter((each) => !each.startsWith('.') && !each.startsWith('node:'));
  const packages = new Set(specifiers.map((each) => each.split('/', each.startsWith('@') ? 2 : 1).join('/')));
  const peers = Object.keys(manifest.peerDependencies ?? {});
  expect([...packages].sort()).toEqual([...Object.keys(manifest.dependencies), ...peers].sort());
  expect([...packages].filter((each) => builtinModules.includes(each))).toEqual([]);
  // Optional: users who do not need them do not install them.
  for (const name of peers) expect(manifest.peerDependenciesMeta?.[name]).toEqual({ optional: true });
});

test('entry, types and command are built from existing sources, and are packed', () => {
  const { require: forRequire, ...forModules } = manifest.exports['.'];
  // Resolvers that do not know `exports` are CommonJS.
  expect({ types: manifest.types, default: manifest.main }).toEqual(forRequire);
  expect(forRequire).toEqual({ types: './dist/index.d.cts', default: './dist/index.cjs' });
  const entry = { types: './dist/index.d.ts', default: './dist/index.js' };
  // Node takes the first condition that it knows. With `module-sync` its `require` loads the ES modules.
  expect(Object.entries(forModules)).toEqual([
    ['import', entry],
    ['module-sync', entry],
  ]);
  expect(Object.keys(manifest.exports['.']).at(-1)).toBe('require');
  const outputs = [...Object.values(entry), ...Object.values(manifest.bin)].map((each) => each.replace(/^\.\//, ''));
  for (const output of outputs) {
    expect(output).toMatch(/^dist\//);
    expect(read(output.replace(/^dist/, 'src').replace(/(\.d)?\.(js|ts)$/, '.ts'))).not.toBe('');
  }
  expect(manifest.files).toContain('dist');
  expect(Object.keys(manifest.bin)).toEqual(['loom-auth']);
  expect(read('src/cli/main.ts')).toMatch(/^#!\/usr\/bin\/env node\n/);
});

test('the documentation and the examples are packed, with every file that the documentation links to', () => {
  expect(manifest.files).toEqual(expect.arrayContaining(['docs', 'examples', 'README.md', 'CHANGELOG.md', 'LICENSE']));
  const packed = new Set([...manifest.files, 'package.json']);
  const links = PAGES.flatMap((page) =>
    linksOf(page)
      .filter(({ target }) => !/^(?:[a-z]+:|#)/.test(target))
      .map(({ target }) => normalize(join(dirname(page.path), target.split('#')[0] ?? ''))),
  );
  expect(links.length).toBeGreaterThan(50);
  expect(links.filter((path) => !packed.has(path.split('/')[0] ?? ''))).toEqual([]);
  const built = manifest.files.filter((entry) => entry.startsWith('!examples/'));
  expect(built).toEqual(['!examples/wasm-plugin/rust/target', '!examples/wasm-plugin/rust/vendor']);
});

test('the public types need no types but those of Node', () => {
  const seen = new Set<string>([join(ROOT, 'src/index.ts')]);
  const foreign: string[] = [];
  for (const file of seen) {
    for (const specifier of typesNamedBy(file)) {
      if (specifier.startsWith('.')) seen.add(join(dirname(file), specifier.replace(/\.js$/, '.ts')));
      else if (!specifier.startsWith('node:')) foreign.push(`${file.slice(ROOT.length + 1)}: ${specifier}`);
    }
  }
  expect(seen.size).toBeGreaterThan(20);
  expect(foreign).toEqual([]);
});

/** What the declarations of a source import: as `tsc` writes them, without what only its functions use. */
function typesNamedBy(file: string): readonly string[] {
  const { outputText } = ts.transpileDeclaration(readFileSync(file, 'utf8'), { fileName: file, compilerOptions: {} });
  return ts.preProcessFile(outputText, true, true).importedFiles.map(({ fileName }) => fileName);
}

test('npm start is the demo, with plain node', () => {
  expect(manifest.scripts['start']).toBe(`node ${manifest.bin['loom-auth']} demo`);
  expect(manifest.scripts).not.toHaveProperty('postinstall');
});

test.each([
  ['import', 'module', "import * as all from 'loom-auth'; console.log(JSON.stringify(Object.keys(all).sort()))"],
  [
    'require',
    'commonjs',
    "console.log(JSON.stringify(Object.keys(require('loom-auth')).filter((name) => name !== '__esModule').sort()))",
  ],
])('%s prints only the public names', async (_how, type, script) => {
  const { code, stdout, stderr } = await runProcess(NODE, [`--input-type=${type}`, '-e', script], { cwd: installed() });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual(expect.arrayContaining(['ConfigError', 'formatDiagnostic', 'loom', 'serve']));
});

test('only the entry can be imported', async () => {
  const script = (specifier: string) =>
    `import(${JSON.stringify(specifier)}).then(() => process.exit(0), (e) => console.log(e.code))`;
  const deep = await runProcess(NODE, ['-e', script('loom-auth/dist/loom.js')], { cwd: installed() });
  expect(deep.stdout).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n');
  const whole = await runProcess(NODE, ['-e', script('loom-auth')], { cwd: installed() });
  expect(whole).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('an import starts nothing: the process ends by itself', async () => {
  const script = "await import('loom-auth'); console.log('imported')";
  const { code, stdout } = await runProcess(NODE, ['--input-type=module', '-e', script], { cwd: installed() });
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'imported\n' });
});
