/** The NestJS program of express.md, as a process: its packages are ES modules with decorators. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from '@swc/core';
import { ask } from '../support/ask.js';
import { built, NODE } from '../support/built.js';
import { freePorts } from '../support/ports.js';
import { Background } from '../support/process.js';
import { pageOf, wordOf } from './pages.js';

const { blocks } = pageOf('docs/express.md');
const file = blocks.find(({ language }) => language === 'yaml')?.text ?? '';
const nest = blocks.find((block) => wordOf(block, 'file') === 'nest.ts')?.text ?? '';
const KEY = { 'X-API-Key': 'sk_example_orders' };

describe('the NestJS program', () => {
  let program: Background | undefined;
  afterAll(() => program?.stop());

  test('guards its controllers', async () => {
    const [port = 0] = await freePorts(1);
    const folder = join(built(), '../../../docs-nest');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'loom.yaml'), file);
    const { code } = transformSync(nest.replace('3000', String(port)), {
      swcrc: false,
      jsc: {
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true },
        target: 'es2023',
      },
      module: { type: 'es6' },
    });
    writeFileSync(
      join(folder, 'nest.mjs'),
      `process.chdir(import.meta.dirname);\n${code}\nconsole.log('listening');\n`,
    );
    program = new Background(NODE, [join(folder, 'nest.mjs')]);
    await program.until(/listening\n/);
    expect((await ask({ port, path: '/orders' })).status).toBe(401);
    const passed = await ask({ port, path: '/orders', headers: KEY });
    expect([passed.status, JSON.parse(passed.body)]).toEqual([200, { caller: 'orders-app' }]);
  });
});
