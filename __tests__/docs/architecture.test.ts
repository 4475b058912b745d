/** The folders of architecture.md are those of `src`, and the files that it names exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pageOf, ROOT } from './pages.js';

const { prose } = pageOf('docs/architecture.md');

test('each folder of src has one row, and each row is a folder', () => {
  const rows = Array.from(prose.matchAll(/^\| \d+ \| `(\w+)\/` \|/gm), ([, name = '']) => name);
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  expect(rows.sort()).toEqual(folders.sort());
});

test('each row has the floor of the import rules', () => {
  const rules = readFileSync(join(ROOT, '__tests__/architecture.test.ts'), 'utf8');
  const [, list = ''] = /const FLOORS[^=]*= \[\n([^]*?)\n\];/.exec(rules) ?? [];
  const floors = list.split('\n').map((line) => Array.from(line.matchAll(/'([\w.]+)'/g), ([, name = '']) => name));
  const rows = Array.from(prose.matchAll(/^\| (\d+) \| `(\w+)\/` \|/gm), ([, floor, name = '']) => [
    name,
    Number(floor),
  ]);
  expect(rows.length).toBeGreaterThan(10);
  expect(rows).toEqual(rows.map(([name]) => [name, floors.findIndex((each) => each.includes(String(name))) + 1]));
});

test('the files that it names exist', () => {
  const named = Array.from(prose.matchAll(/`(\w[\w/-]*\.ts)`/g), ([, path = '']) => path);
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((path) => !existsSync(join(ROOT, 'src', path)))).toEqual([]);
});
