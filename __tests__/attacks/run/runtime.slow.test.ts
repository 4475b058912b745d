/** A Node that is too old, or configured to skip its checks: the gateway does not start, and the library warns once. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspectRuntime } from '../../../src/lib/runtime.js';
import { built, NODE } from '../../support/built.js';
import { freePorts } from '../../support/ports.js';
import { Background, runProcess } from '../../support/process.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-runtime-'));
afterAll(() => rmSync(folder, { recursive: true }));

const facts = { version: 'v24.18.1', env: {}, execArgv: [] };
const tooOld = (version: string): boolean => inspectRuntime({ ...facts, version }).errors.length > 0;

/** The machine's own Node, if it is old enough to be refused. */
const OLD = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((each) => !each.includes('node_modules'))
  .map((each) => join(each, 'node'))
  .filter((each) => existsSync(each))
  .find((each) => tooOld(execFileSync(each, ['--version'], { encoding: 'utf8' }).trim()));

async function fileOn(): Promise<{ file: string; port: number }> {
  const [port = 0] = await freePorts(1);
  const file = join(folder, `${port}.yaml`);
  writeFileSync(
    file,
    `
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key: key-of-the-runtime-test, name: a }] } } }
routes: [{ id: a, path: /*, upstream: far, auth: { api_key: true } }]
upstreams: [{ name: far, endpoints: ["127.0.0.1:1"] }]`,
  );
  return { file, port };
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

/** A host application that makes two gates. */
async function host(
  node: string,
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<string> {
  const { file } = await fileOn();
  const script = join(folder, 'host.mjs');
  const index = pathToFileURL(join(dirname(built()), '../index.js')).href;
  writeFileSync(
    script,
    `import { loom } from '${index}';\nfor (const _ of [1, 2]) await loom(process.argv[2]).close();\n`,
  );
  const { code, stdout, stderr } = await runProcess(node, [...flags, script, file], { env });
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  return stderr;
}

async function refused(node: string, { env = {}, flags = [], options = [] }: Start = {}): Promise<string> {
  const { file, port } = await fileOn();
  const { code, stderr } = await runProcess(node, [...flags, built(), 'serve', ...options, file], { env });
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('error') as string });
  expect(stderr).not.toContain('listening');
  expect(await accepts(port)).toBe(false);
  return stderr;
}

interface Start {
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  readonly options?: readonly string[];
}

async function started(node: string, { env = {}, flags = [], options = [] }: Start = {}): Promise<string> {
  const { file, port } = await fileOn();
  const running = new Background(node, [...flags, built(), 'serve', ...options, file], env);
  await running.until(/"msg":"listening"/);
  expect(await accepts(port)).toBe(true);
  await running.stop();
  return running.output;
}

describe('RUN-01 a Node that drops header fields', () => {
  test.each([
    'v18.20.8',
    'v20.20.2',
    'v21.7.3',
    'v22.0.0',
    'v22.23.1',
    'v23.11.1',
    'v24.0.0',
    'v24.18.0',
    'v25.9.9',
    'v26.5.0',
    'v26.0.0',
    '',
    'v',
    'x',
  ])('%j is refused, with a message that names the accepted versions', (version) => {
    const { errors } = inspectRuntime({ ...facts, version });
    expect(errors).toEqual([expect.stringContaining('22.23.2, 24.18.1, 26.5.1')]);
  });

  // If the machine has no such Node, the table above is enough. A skipped test would be missing in the tally.
  if (OLD !== undefined) {
    test("the machine's own old one does not serve", async () => {
      expect(await refused(OLD)).toMatch(/Node v[\d.]+ is not safe here/);
    });

    test('as a library it warns, once', async () => {
      const output = await host(OLD);
      expect(output.match(/is not safe here/g)).toHaveLength(1);
      expect(output).toContain('"level":40');
    });

    test('with the override it warns on each start, and every other check stays on', async () => {
      const options = ['--insecure-node'];
      expect(await started(OLD, { options })).toContain('the check of the Node version is off');
      expect(await refused(OLD, { options, env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } })).toContain('NODE_TLS_REJECT');
    });
  }

  test.each(['v22.23.2', 'v22.99.0', 'v24.18.1', 'v24.21.0', 'v26.5.1', 'v26.6.0', 'v27.0.0'])(
    'twin: %s is accepted',
    (version) => {
      expect(inspectRuntime({ ...facts, version })).toEqual({ errors: [], warnings: [] });
    },
  );

  test('twin: ours serves, and prints no warning', async () => {
    expect(await started(NODE)).not.toMatch(/is not safe here|"level":40/);
    expect(await host(NODE)).not.toMatch(/is not safe here/);
  });
});

describe('RUN-02 options that disable a check', () => {
  const REFUSED: readonly (readonly [string, Start])[] = [
    ['no certificate is checked', { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } }],
    ['a lenient parser', { env: { NODE_OPTIONS: '--insecure-http-parser' } }],
    ['a lenient parser, as an argument', { flags: ['--insecure-http-parser'] }],
    ['TLS 1.0', { env: { NODE_OPTIONS: '--max-old-space-size=512 --tls-min-v1.0' } }],
    ['TLS 1.1, as an argument', { flags: ['--tls-min-v1.1'] }],
  ];

  test.each(REFUSED)('%s: no start', async (_what, start) => {
    await refused(NODE, start);
  });

  test.each([
    '--insecure-http-parser',
    '--insecure_http_parser',
    '--insecure-http-parser=true',
    '"--insecure-http-parser"',
    '--tls-min-v1.0',
    '--tls-min-v1.1',
    '--security-revert=CVE-2023-46809',
  ])('%s is an error in either place', (flag) => {
    expect(inspectRuntime({ ...facts, env: { NODE_OPTIONS: `--max-old-space-size=99  ${flag}` } }).errors).toHaveLength(
      1,
    );
    expect(inspectRuntime({ ...facts, execArgv: [flag] }).errors).toHaveLength(1);
  });

  const NOTED: readonly (readonly [string, Start, RegExp])[] = [
    ['session keys in a file', { env: { SSLKEYLOGFILE: '/nowhere/keys' } }, /session keys/],
    ['a trace of requests', { env: { NODE_DEBUG: 'http' } }, /NODE_DEBUG/],
  ];

  test.each(NOTED)('%s: a start with a warning, by the gateway and by the library', async (_what, start, words) => {
    expect(await started(NODE, start)).toMatch(words);
    expect((await host(NODE, start.env)).match(new RegExp(`"msg":"[^"]*${words.source}`, 'g'))).toHaveLength(1);
  });

  test('code loaded before the gateway is reported', async () => {
    const script = join(folder, 'before.cjs');
    writeFileSync(script, '');
    expect(await started(NODE, { env: { NODE_OPTIONS: `--require ${script}` } })).toMatch(
      /--require, which loads code/,
    );
  });

  test.each([
    ...['*', 'http', 'HTTP', 'htt*', 'timer,http', 'tls', 'net', 'undici', 'http2', 'h*p'].map((names) => ({
      NODE_DEBUG: names,
    })),
    ...['-r x', '--import=x', '--inspect', '--inspect=0.0.0.0:9229', '--inspect-brk', '--report-on-fatalerror'].map(
      (flags) => ({ NODE_OPTIONS: flags }),
    ),
    ...['--heapsnapshot-signal=SIGUSR2', '--use-openssl-ca', '--tls-keylog=/k', '--loader x'].map((flags) => ({
      NODE_OPTIONS: flags,
    })),
  ])('%j is a warning', (env) => {
    const found = inspectRuntime({ ...facts, env });
    expect([found.errors.length, found.warnings.length]).toEqual([0, 1]);
  });

  test.each([
    ...['timer', 'http-server', 'module', '', 'x'].map((names) => ({ NODE_DEBUG: names })),
    ...['--max-old-space-size=512', '--enable-source-maps', '--no-insecure-http-parser', '--tls-min-v1.2', ''].map(
      (flags) => ({ NODE_OPTIONS: flags }),
    ),
    { NODE_TLS_REJECT_UNAUTHORIZED: '1' },
    { NODE_TLS_REJECT_UNAUTHORIZED: '' },
    { SSLKEYLOGFILE: '' },
  ])('twin: %j is accepted', (env) => {
    expect(inspectRuntime({ ...facts, env })).toEqual({ errors: [], warnings: [] });
  });
});
