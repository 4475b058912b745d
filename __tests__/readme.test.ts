/** What the README says is what the code does. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFile } from '../src/config/index.js';
import { jsonSchema } from '../src/config/json-schema.js';
import { TITLES } from '../src/gateway/problem.js';
import { optionTables, START, END } from '../scripts/option-tables.mjs';

const root = join(__dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

test('its option tables are those of the schema, no more and no less', () => {
  const written = readme.split(START)[1]?.split(END)[0]?.trim();
  expect(written).toBe(optionTables(jsonSchema()).trim());
});

test('every option has words', () => {
  const empty = readme.split('\n').filter((line) => /^\| `[^|]+` \|[^|]*\|\s*\|$/.test(line));
  expect(empty).toEqual([]);
});

test('its file loads, and means what the access table beside it says', () => {
  const [, text = ''] = /```yaml\n(listeners:[^]*?)```/.exec(readme) ?? [];
  const { plan } = compileFile({ text, file: 'loom.yaml' }, { mode: 'middleware' });
  expect(plan.routes.map(({ id, requirement }) => [id, requirement.kind])).toEqual([
    ['public', 'open'],
    ['api', 'any'],
  ]);
});

test('its commands are those of the program', () => {
  const named =
    [...readme.matchAll(/^\| `loom-auth [^|]+\|/gm)].join(' ').match(/`(?:loom-auth )?([a-z][a-z-]+)/g) ?? [];
  const commands = [...read('src/cli/program.ts').matchAll(/\.command\('([a-z-]+)/g)].map(([, name]) => name);
  expect(named.map((each) => each.replace(/`(?:loom-auth )?/, '')).sort()).toEqual(commands.sort());
});

test('the reasons and codes of its troubleshooting table exist', () => {
  const reasons = read('src/auth/verdict.ts');
  const named = [...readme.matchAll(/`reason: (\w+)`(?: or `(\w+)`)?/g)].flatMap(([, ...words]) =>
    words.filter(Boolean),
  );
  expect(named.length).toBeGreaterThan(8);
  for (const word of named) expect(reasons).toContain(`'${word}'`);
  expect(Object.keys(TITLES)).toContain('body_consumed');
});

describe('the threat model', () => {
  const model = read('docs/security.md');

  test('names tests that exist', () => {
    const folders = new Map<string, string>();
    for (const [, path = ''] of model.matchAll(/`((?:__tests__|bench)\/[\w./-]+)`/g)) {
      if (!path.endsWith('.ts')) folders.set(path.split('/').at(-1) ?? '', path);
      expect([path, existsSync(join(root, path))]).toEqual([path, true]);
    }
    expect(folders.size).toBeGreaterThan(5);
    // A file that is named behind its folder, as in "above all `any-path.test.ts`".
    for (const [, folder = '', name = ''] of model.matchAll(/`(__tests__\/[\w/-]+)`, above all `([\w.-]+)`/g)) {
      expect([name, existsSync(join(root, folder, name))]).toEqual([name, true]);
    }
  });

  test('names scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
    for (const [, script = ''] of model.matchAll(/`npm run ([\w:]+)`/g)) expect(Object.keys(scripts)).toContain(script);
  });
});
