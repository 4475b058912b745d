/**
 * The demo in a new installation of the package: each printed command runs and has the printed result.
 *
 * @needs curl
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built, NODE } from '../support/built.js';
import { Background, runProcess } from '../support/process.js';

/** Where the demos of this test put their files. */
const temporary = mkdtempSync(join(tmpdir(), 'loom-demo-test-'));
const env = { TMPDIR: temporary };
const demos: Background[] = [];
afterAll(async () => {
  await Promise.all(demos.map((demo) => demo.stop('SIGKILL')));
  rmSync(temporary, { recursive: true, force: true });
});

interface Line {
  readonly status: number;
  readonly why: string;
  readonly curl: string;
}

async function startDemo() {
  const demo = new Background(NODE, [built(), 'demo'], env);
  demos.push(demo);
  await demo.until(/Ctrl-C/);
  const printed = demo.output.matchAll(/^ *# (\d{3}): (.+)\n *(curl .+)$/gm);
  const lines = Array.from(printed, ([, status, why = '', curl = '']): Line => ({ status: Number(status), why, curl }));
  const [, http = '', https = ''] = /on (http:\S+) and (https:\S+),/.exec(demo.output) ?? [];
  return { demo, lines, http, https };
}

/** Runs the printed command unchanged in a shell. The output of curl contains the status. */
async function statusOf({ curl }: Line): Promise<number> {
  const { stdout, stderr } = await runProcess('bash', ['-c', curl]);
  const status = /^HTTP\/\S+ (\d{3})/m.exec(stdout)?.[1];
  if (status === undefined) throw new Error(`${curl}\n${stdout}\n${stderr}`);
  return Number(status);
}

test('each printed curl line answers with the status above it', async () => {
  const { demo, lines } = await startDemo();
  expect(lines.length).toBeGreaterThanOrEqual(17);
  for (const line of lines) expect({ ...line, status: await statusOf(line) }).toEqual(line);
  expect(new Set(lines.map(({ status }) => status))).toEqual(new Set([200, 401, 403, 404]));
  for (const method of ['api_key', 'basic', 'jwt', 'oauth', 'mtls'])
    expect(demo.output).toMatch(new RegExp(`^${method}\\b`, 'm'));
});

test('what a client says of itself does not reach the backend; what the gateway says does', async () => {
  const { lines } = await startDemo();
  const answers = async (part: string): Promise<string> => {
    const line = lines.find(({ status, curl }) => status === 200 && curl.includes(part));
    return (await runProcess('bash', ['-c', line?.curl ?? 'false'])).stdout;
  };
  expect(await answers('X-User-ID: root')).not.toContain('root');
  expect(await answers('/internal/report')).toContain('"x-user-id": "alice"');
  expect(await answers('/api/v1/orders')).toContain('"x-key-name": "production"');
  expect(await answers('/service/status')).toContain('"x-client-subject": "O=Loom demo,CN=billing"');
});

test('the access table shows PUBLIC and every route before the lines', async () => {
  const { demo } = await startDemo();
  expect(demo.output).toMatch(/^ROUTE .+\npublic +\/public\/\* +any +PUBLIC +orders$/m);
  expect(demo.output).toMatch(/^vault +\/vault\/\* +any +jwt and mtls/m);
  expect(demo.output.indexOf('ROUTE')).toBeLessThan(demo.output.indexOf('curl '));
});

test('the printed console opens with the printed tokens', async () => {
  const { demo } = await startDemo();
  const [, url = '', reader = '', operator = ''] =
    /^Console: (\S+)\n.+reader: (\S+)\n.+operator: (\S+)$/m.exec(demo.output) ?? [];
  expect(await (await fetch(url)).text()).toContain('Loom console');
  const status = (token?: string) =>
    fetch(new URL('status', url), token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  expect((await status()).status).toBe(401);
  for (const token of [reader, operator]) expect((await status(token)).status).toBe(200);
});

test('two demos at once take different ports, and so does one whose usual ports are taken', async () => {
  const takers = await Promise.all([8080, 8443].map(take));
  const [one, other] = await Promise.all([startDemo(), startDemo()]);
  const ports = [one.http, one.https, other.http, other.https];
  expect(new Set(ports).size).toBe(4);
  for (const port of ports) expect(port).not.toMatch(/:(8080|8443)$/);
  for (const { lines } of [one, other]) {
    const first = lines[0];
    expect(first && (await statusOf(first))).toBe(200);
  }
  await Promise.all(takers.map((server) => new Promise((resolve) => (server ? server.close(resolve) : resolve(0)))));
});

/** Returns `undefined` if another process already uses the port. */
function take(port: number): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

test('a signal ends it with 0 and takes its keys and tokens away', async () => {
  await Promise.all(demos.map((demo) => demo.stop()));
  expect(readdirSync(temporary)).toEqual([]);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { demo } = await startDemo();
    expect(readdirSync(temporary)).toHaveLength(1);
    expect(await demo.stop(signal)).toBe(0);
    expect(readdirSync(temporary)).toEqual([]);
  }
});
