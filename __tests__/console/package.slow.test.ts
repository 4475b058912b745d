/** The console of the built package: with workers, and in the build for `require`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProcessStatus } from '../../src/admin/process-status.js';
import { built, builtForRequire, NODE } from '../support/built.js';
import { freePorts } from '../support/ports.js';
import { Background, runProcess } from '../support/process.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-console-package-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fileFor = (port: number, admin: number): string => `
listeners: [{ name: http, address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${admin}" }
routes: [{ id: all, path: /*, upstream: none, auth: none }]
upstreams: [{ name: none, endpoints: ["127.0.0.1:1"] }]
`;

test('any worker shows the state of all workers', async () => {
  const [port = 0, admin = 0] = await freePorts(2);
  const file = join(folder, 'loom.yaml');
  writeFileSync(file, fileFor(port, admin));
  const gateway = new Background(NODE, [built(), 'serve', '--workers', '2', file]);
  try {
    const status = async () =>
      (await (await fetch(`http://127.0.0.1:${admin}/status`)).json()) as { processes: ProcessStatus[] };
    // The second worker may still be starting.
    const numbers = async (): Promise<string> => {
      const { processes = [] } = await status().catch(() => ({ processes: [] }));
      return processes
        .map(({ worker }) => worker)
        .sort()
        .join();
    };
    for (let ready = false; !ready; ready = (await numbers()) === '1,2')
      await new Promise((done) => setTimeout(done, 100));
    const { processes } = await status();
    expect(new Set(processes.map(({ pid }) => pid)).size).toBe(2);
    expect(await (await fetch(`http://127.0.0.1:${admin}/`)).text()).toContain('console/main.js');
    expect((await fetch(`http://127.0.0.1:${admin}/console/main.js`)).headers.get('content-type')).toContain(
      'javascript',
    );
  } finally {
    await gateway.stop('SIGTERM');
  }
});

test('the build for require has the console', async () => {
  const [port = 0, admin = 0] = await freePorts(2);
  const script = `
    const { serve } = require(${JSON.stringify(join(builtForRequire(), 'dist/index.cjs'))});
    const text = ${JSON.stringify(fileFor(port, admin))};
    (async () => {
      const gateway = await serve({ text, file: 'loom.yaml' }, { log: { info() {}, warn() {}, error() {} }, watch: false });
      const get = async (path) => (await fetch('http://127.0.0.1:${admin}' + path)).text();
      const { processes, pages } = JSON.parse(await get('/status'));
      const found = [(await get('/')).includes('console/main.js'), (await get('/console/dom.js')).includes('text node')];
      console.log(JSON.stringify({ found, version: typeof processes[0].version, hasRoutes: pages.includes('/routes') }));
      await gateway.stop({ timeout: 0 });
    })();
  `;
  const { stdout, stderr } = await runProcess(NODE, ['-e', script]);
  expect({ stdout: stdout.trim(), stderr }).toEqual({
    stdout: JSON.stringify({ found: [true, true], version: 'string', hasRoutes: true }),
    stderr: '',
  });
});
