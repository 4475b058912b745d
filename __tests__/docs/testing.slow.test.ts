/** The tests of testing.md, each run by the runner that its section is about. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtForRequire, NODE, ROOT } from '../support/built.js';
import { runProcess } from '../support/process.js';
import { pageOf, wordOf } from './pages.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-docs-testing-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(() => {
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  symlinkSync(builtForRequire(), join(modules, 'loom-auth'));
  for (const name of ['express', 'supertest', 'vitest']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  for (const block of pageOf('docs/testing.md').blocks) {
    const name = wordOf(block, 'file');
    if (name !== undefined) writeFileSync(join(folder, name), block.text);
  }
});

/** The variables of the runner that runs this test would make the inner one its worker. */
const env = { JEST_WORKER_ID: undefined, NODE_OPTIONS: undefined, VITEST: undefined, CI: '1' };
const bin = (path: string): string => join(ROOT, 'node_modules', path);

test.each([
  ['node:test', ['--test', 'app.node-test.mjs'], {}, /pass 3\b[^]*fail 0\b/],
  ['Vitest', [bin('vitest/vitest.mjs'), 'run', 'app.spec.mjs'], {}, /1 passed/],
  [
    'Jest with ES modules',
    [bin('jest/bin/jest.js'), '--config', 'jest.esm.config.mjs'],
    { NODE_OPTIONS: '--experimental-vm-modules' },
    /Tests: +1 passed, 1 total/,
  ],
  ['Jest with CommonJS', [bin('jest/bin/jest.js'), '--config', 'jest.cjs.config.mjs'], {}, /Tests: +1 passed, 1 total/],
] as const)('%s', async (_name, args, more, passed) => {
  const { code, stdout, stderr } = await runProcess(NODE, args, { cwd: folder, env: { ...env, ...more } });
  expect({ code, said: stdout + stderr }).toEqual({ code: 0, said: expect.stringMatching(passed) as string });
});
