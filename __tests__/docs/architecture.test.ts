/** The folders of architecture.md are those of `src`, and the files that it names exist. */
import { existsSync, readdirSync } from 'node:fs';
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

test('the files that it names exist', () => {
  const named = Array.from(prose.matchAll(/`(\w[\w/-]*\.ts)`/g), ([, path = '']) => path);
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((path) => !existsSync(join(ROOT, 'src', path)))).toEqual([]);
});
