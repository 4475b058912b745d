/** Prepares a release: `node scripts/release.mjs <patch|minor|major|x.y.z>` sets the version, dates the changelog, commits and tags. It pushes nothing. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = (command, ...args) => execFileSync(command, args, { cwd: root, encoding: 'utf8' }).trim();
const [step] = process.argv.slice(2);

if (!/^(?:patch|minor|major|\d+\.\d+\.\d+)$/.test(step ?? '')) {
  fail('usage: node scripts/release.mjs <patch|minor|major|x.y.z>');
}
if (run('git', 'status', '--porcelain') !== '') fail('the working tree has changes: commit them first');

const changelog = new URL('../CHANGELOG.md', import.meta.url);
const text = readFileSync(changelog, 'utf8');
const unreleased = /^## \[Unreleased\]\n+(?=### )/m;
if (!unreleased.test(text)) fail('CHANGELOG.md has nothing under [Unreleased]');

const version = run('npm', 'version', step, '--no-git-tag-version').replace(/^v/, '');
const today = new Date().toISOString().slice(0, 10);
writeFileSync(changelog, text.replace(unreleased, `## [Unreleased]\n\n## [${version}] - ${today}\n\n`));
run('git', 'commit', '--all', '--message', `release: ${version}`);
run('git', 'tag', '--annotate', `v${version}`, '--message', `v${version}`);
console.log(`v${version} is committed and tagged. Push it with: git push --follow-tags`);

function fail(message) {
  console.error(message);
  process.exit(1);
}
