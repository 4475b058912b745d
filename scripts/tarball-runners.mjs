/** Runs one test of an Express application in each test runner and module system, with the installed package. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = `middleware: { auth: { api_key: { keys: [{ key: sk_test_0123456789abcdef, name: tests }] }, chain: [api_key] } }`;

const BODY = `
test('a key is required', async () => {
  const gate = loom({ text: ${JSON.stringify(FILE)}, file: 'loom.yaml' });
  const app = express();
  app.use(gate);
  app.get('/', (req, res) => { res.json({ caller: req.auth?.subject }); });
  const refused = await request(app).get('/');
  const { status, body } = await request(app).get('/').set('X-API-Key', 'sk_test_0123456789abcdef');
  const seen = JSON.stringify([refused.status, status, body.caller]);
  if (seen !== '[401,200,"tests"]') throw new Error(seen);
});
`;
const IMPORT = `import express from 'express';
import request from 'supertest';
import { loom } from 'loom-auth';
`;
const REQUIRE = `const express = require('express');
const request = require('supertest');
const { loom } = require('loom-auth');
`;

/** No configuration but what names the test files: the package must work with the defaults of each runner. */
const FILES = {
  'package.json': '{ "private": true }',
  'plain.jest.cjs': REQUIRE + BODY,
  'jest.json': '{ "testMatch": ["**/plain.jest.cjs"] }',
  'module.jest.mjs': IMPORT + BODY,
  'jest-esm.json': '{ "testMatch": ["**/module.jest.mjs"], "transform": {} }',
  'typed.jest.ts': `${IMPORT}import { ConfigError, DeniedError, type Loom } from 'loom-auth';
export const typed = (gate: Loom, error: unknown): number => (error instanceof DeniedError ? error.status : gate.plan.routes.length);
export const lines = (error: ConfigError): number => error.diagnostics.length;
${BODY}`,
  'ts-jest.json': JSON.stringify({ testMatch: ['**/typed.jest.ts'], preset: 'ts-jest' }),
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      target: 'es2023',
      module: 'commonjs',
      moduleResolution: 'bundler',
      strict: true,
      esModuleInterop: true,
      types: ['node', 'jest'],
    },
  }),
  'module.test.mjs': `import test from 'node:test';\n${IMPORT}${BODY}`,
  'plain.test.cjs': `const test = require('node:test');\n${REQUIRE}${BODY}`,
  'module.spec.mjs': `import { test } from 'vitest';\n${IMPORT}${BODY}`,
  'plain.spec.mjs': `import { createRequire } from 'node:module';
import { test } from 'vitest';
const require = createRequire(import.meta.url);
${REQUIRE}${BODY}`,
};

/** `run` starts a program in a folder and throws if it fails; `root` is the checkout, which has the runners. */
export function testRunners(home, root, run) {
  const folder = join(home, 'runners');
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
  const packages = ['express', 'jest', 'supertest', 'ts-jest', 'typescript', 'vitest'];
  const types = ['express', 'jest', 'node', 'supertest'].map((name) => `@types/${name}`);
  for (const name of [...packages, ...types]) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction');
  }
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const node = (...args) => run(process.execPath, args, folder);
  node(jest, '--config', 'jest.json');
  node('--experimental-vm-modules', jest, '--config', 'jest-esm.json');
  node(jest, '--config', 'ts-jest.json');
  node('--test', 'module.test.mjs', 'plain.test.cjs');
  node(vitest, 'run', 'module.spec.mjs', 'plain.spec.mjs');
}
