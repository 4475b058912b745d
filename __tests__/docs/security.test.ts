/** The threat model names tests and scripts that exist. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SCRIPTS } from './names.js';
import { pageOf, ROOT } from './pages.js';

const { text: model } = pageOf('docs/security.md');

test('names tests that exist', () => {
  const folders = new Map<string, string>();
  for (const [, path = ''] of model.matchAll(/`((?:__tests__|bench)\/[\w./-]+)`/g)) {
    if (!path.endsWith('.ts')) folders.set(path.split('/').at(-1) ?? '', path);
    expect([path, existsSync(join(ROOT, path))]).toEqual([path, true]);
  }
  expect(folders.size).toBeGreaterThan(5);
  // A file that is named behind its folder, as in "above all `any-path.test.ts`".
  for (const [, folder = '', name = ''] of model.matchAll(/`(__tests__\/[\w/-]+)`, above all `([\w.-]+)`/g)) {
    expect([name, existsSync(join(ROOT, folder, name))]).toEqual([name, true]);
  }
});

test('every promise names a test', () => {
  const [, promised = ''] = /\n## What is promised\n([^]*?)\n## /.exec(model) ?? [];
  const rows = Array.from(promised.matchAll(/^\| (?!Promise|---)(.+?) \| (.+) \|$/gm), ([, promise, shown = '']) => ({
    promise,
    shown: /`(?:__tests__|bench)\//.test(shown),
  }));
  expect(rows.length).toBeGreaterThan(25);
  expect(rows.filter(({ shown }) => !shown)).toEqual([]);
});

test('names scripts that exist', () => {
  for (const [, script = ''] of model.matchAll(/`npm run ([\w:]+)`/g)) expect([...SCRIPTS]).toContain(script);
});
