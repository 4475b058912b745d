/** What the README promises of itself; its code runs with the other pages in `docs/steps.test.ts`. */
import { inspectRuntime } from '../src/lib/runtime.js';
import { compileFile } from '../src/config/index.js';
import { Scene } from './docs/scene.js';
import { pageOf } from './docs/pages.js';

const readme = pageOf('README.md');

test('it is at most 10 KB', () => {
  expect(Buffer.byteLength(readme.text)).toBeLessThanOrEqual(10_240);
});

test('its first screen says which Node is needed, and these are the floor of the runtime check', () => {
  const screen = readme.text.split('\n').slice(0, 24).join('\n');
  const [, install = ''] = /npm install loom-auth([^\n]+)/.exec(screen) ?? [];
  const versions = install.match(/\d+\.\d+\.\d+/g) ?? [];
  expect(versions).toHaveLength(3);
  const errorsOf = (version: string) => inspectRuntime({ version: `v${version}`, env: {}, execArgv: [] }).errors;
  for (const version of versions) {
    expect([version, errorsOf(version)]).toEqual([version, []]);
    const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
    expect(errorsOf([major, minor, patch - 1].join('.'))).toHaveLength(1);
  }
});

test('its first file leaves no path open but the one that says so', () => {
  const [file] = readme.blocks.filter(({ language }) => language === 'yaml');
  const { plan } = compileFile({ text: file?.text ?? '', file: 'loom.yaml' }, { mode: 'middleware', strict: true });
  expect(plan.unmatched?.kind).toBe('method');
  expect(plan.routes.filter(({ requirement }) => requirement.kind === 'open').map(({ path }) => path)).toEqual([
    '/public/*',
  ]);
});

describe('the Express program', () => {
  const scene = new Scene();
  beforeAll(async () => {
    await scene.open();
    const [file, program] = ['yaml', 'js'].map((each) => readme.blocks.find(({ language }) => language === each));
    if (!file || !program) throw new Error('the README lacks its quick start');
    scene.load(scene.write(file));
    await scene.run(scene.write(program));
  });
  afterAll(() => scene.close());

  test.each(['/', '/orders', '/orders/', '/ORDERS', '/any/thing', '/publi', '/publicity', '/public/../orders'])(
    '%s needs a credential',
    async (path) => {
      const { status } = await scene.curl(`curl http://127.0.0.1:3000${path}`);
      expect([400, 401, 404]).toContain(status);
    },
  );

  test('/public/hello does not', async () => {
    expect((await scene.curl('curl http://127.0.0.1:3000/public/hello')).status).toBe(200);
  });
});
