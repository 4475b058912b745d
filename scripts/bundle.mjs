/**
 * Writes the build for the `require` condition from the ES modules of `dist`: `index.cjs`, its types `index.d.cts`, and
 * the licenses of the packages inside. `node scripts/bundle.mjs [folder of the package]`, after `tsc`.
 *
 * The `require` of Jest cannot load ES modules. Therefore the file contains the packages that are only ES modules.
 * Node itself loads the ES modules for `require` too (the condition `module-sync`).
 */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { requireTypes } from './require-types.mjs';

const root = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));
const dist = join(root, 'dist');
const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** ES modules only, or CommonJS that requires such a package (`jose`). Their own dependencies come along. */
const INSIDE = ['http-proxy-middleware', 'jwks-rsa'];
const OUTSIDE = new Set(
  [...Object.keys(dependencies), ...Object.keys(peerDependencies)].filter((name) => !INSIDE.includes(name)),
);

const { outputFiles, metafile } = await build({
  entryPoints: [join(dist, 'index.js')],
  outfile: join(dist, 'index.cjs'),
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node22',
  // `import()` needs a flag in Jest. A `require` of the same package does not.
  supported: { 'dynamic-import': false },
  legalComments: 'none',
  logLevel: 'error',
  write: false,
  metafile: true,
  plugins: [{ name: 'loom-auth', setup }],
});

write('index.cjs', outputFiles[0].text);
write('index.cjs.LICENSES.txt', licenses(Object.keys(metafile.inputs)));
if (existsSync(join(dist, 'index.d.ts'))) write('index.d.cts', requireTypes(join(dist, 'index.d.ts')));

function setup({ onResolve, onLoad }) {
  onResolve({ filter: /^[^./]/ }, ({ path }) => {
    const name = path.split('/', path.startsWith('@') ? 2 : 1).join('/');
    return OUTSIDE.has(name) ? { external: true } : undefined;
  });
  onLoad({ filter: /\.js$/ }, ({ path }) => {
    if (!path.startsWith(dist + sep)) return undefined;
    return { contents: asCommonJs(readFileSync(path, 'utf8'), relative(dist, path).split(sep).join('/')) };
  });
}

/**
 * A local `require` hides what it loads from the bundler. Without the declaration, the bundler follows each call and
 * loads the module at the call. Files of a thread are found from the place of their ES module.
 */
function asCommonJs(text, name) {
  const url = `new URL(${JSON.stringify(name)}, require('node:url').pathToFileURL(__filename)).href`;
  const converted = text
    .replace(/import \{ createRequire \} from ['"]node:module['"];/, '')
    .replace(/const require = createRequire\(import\.meta\.url\);/, '')
    .replaceAll('import.meta.url', url);
  if (/createRequire|import\.meta/.test(converted)) throw new Error(`${name}: no form for CommonJS is known`);
  return converted;
}

function licenses(inputs) {
  const paths = inputs.map((input) => resolve(root, input).split(sep).join('/'));
  const folders = new Set(paths.flatMap((path) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/.][^/]*/.exec(path) ?? []));
  return [...folders]
    .sort()
    .filter((folder) => !dist.startsWith(folder))
    .map((home) => {
      const { name, version, license, licenses } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
      const file = readdirSync(home).find((each) => /^licen[cs]e/i.test(each));
      return `${name} ${version} (${license ?? licenses?.map(({ type }) => type).join(', ')})\n\n${file ? readFileSync(join(home, file), 'utf8').trim() : ''}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/** Several processes of the tests may do this at once. */
function write(name, text) {
  const whole = join(dist, `${name}.${process.pid}`);
  writeFileSync(whole, text);
  renameSync(whole, join(dist, name));
}
