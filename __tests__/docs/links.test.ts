/** Every relative link of the documentation leads somewhere, and every page can be reached. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { anchorsOf, linksOf, PAGES, ROOT } from './pages.js';

const isOutside = (target: string): boolean => /^[a-z]+:/.test(target);

test.each(PAGES)('$path: its relative links and anchors exist', (page) => {
  const broken = linksOf(page)
    .filter(({ target }) => !isOutside(target))
    .filter(({ target }) => {
      const [file = '', anchor] = target.split('#');
      const path = file === '' ? page.path : normalize(join(dirname(page.path), file));
      if (!existsSync(join(ROOT, path))) return true;
      const linked = PAGES.find((each) => each.path === path);
      return anchor !== undefined && !(linked && anchorsOf(linked).has(anchor));
    });
  expect(broken).toEqual([]);
});

test.each(PAGES)('$path: it and what it links to are in the package', (page) => {
  const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: readonly string[] };
  const isPacked = (path: string): boolean => files.some((each) => path === each || path.startsWith(`${each}/`));
  const targets = linksOf(page).flatMap(({ target }) => {
    const [file = ''] = target.split('#');
    return isOutside(target) || file === '' ? [] : [normalize(join(dirname(page.path), file))];
  });
  expect([page.path, ...targets].filter((path) => !isPacked(path))).toEqual([]);
});

test('the README links to every task page, or to a page that does', () => {
  const reached = new Set(['README.md']);
  for (const path of reached) {
    const page = PAGES.find((each) => each.path === path);
    const links = page ? linksOf(page).filter(({ target }) => !isOutside(target)) : [];
    for (const { target } of links) reached.add(normalize(join(dirname(path), target.split('#')[0] ?? '')));
  }
  expect(PAGES.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
});

test('a missing anchor would be noticed', () => {
  const page = { path: 'docs/x.md', text: '', blocks: [], prose: '# One thing\n## `a.b`: two\n' };
  expect([...anchorsOf(page)]).toEqual(['one-thing', 'ab-two']);
});
