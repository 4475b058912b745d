/**
 * `loom-auth serve` as a process: it answers, it ends gracefully, and its exit code says why it did not start.
 *
 * @needs curl
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { built, NODE } from '../support/built.js';
import { freePorts } from '../support/ports.js';
import { Background, runProcess } from '../support/process.js';
import { loomAuth, start, write } from './command.js';

const KEY = 'sk_served_0123456789';

/** Answers at once, but under `/slow` only when the test lets it. */
let backend: Server;
let letGo: () => void = () => undefined;
let slowArrived: Promise<void>;
let arrived: () => void = () => undefined;

beforeAll(async () => {
  slowArrived = new Promise((resolve) => (arrived = resolve));
  backend = createServer((req, res) => {
    const answer = (): void => void res.end(`caller=${String(req.headers['x-caller'])}\n`);
    if (!req.url?.includes('slow')) return answer();
    letGo = answer;
    arrived();
  });
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise((resolve) => backend.close(resolve)));

const running: Background[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop('SIGKILL')));
});

const gateway = (port: number): string => `
listeners: [{ name: http, address: "127.0.0.1:${port}", protocol: http }]
middleware:
  auth:
    api_key:
      keys: [{ key: "\${SERVED_KEY}", name: orders-app }]
      claims_to_headers: { name: X-Caller }
routes:
  - { id: orders, path: /orders/*, upstream: backend, auth: { api_key: true } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${(backend.address() as AddressInfo).port}"] }]
`;

/** Starts a gateway and waits until it listens. */
async function served(args: readonly string[] = []) {
  const [port = 0] = await freePorts(1);
  const file = write(`${port}.yaml`, gateway(port));
  const process = start(['serve', ...args, file], { SERVED_KEY: KEY });
  running.push(process);
  await process.until(/"msg":"listening"/);
  return { process, port, file, url: `http://127.0.0.1:${port}` };
}

const curl = async (...args: string[]): Promise<string> => {
  const { stdout } = await runProcess('curl', ['-s', '-w', '%{http_code}', ...args]);
  return stdout;
};
const withKey = (url: string): Promise<string> => curl('-H', `X-API-Key: ${KEY}`, url);

test('serves a file: the right key passes under its name, a wrong one does not, and neither is logged', async () => {
  const { process, url } = await served();
  expect(await withKey(`${url}/orders/1`)).toBe('caller=orders-app\n200');
  expect(await curl('-H', 'X-API-Key: sk_wrong', `${url}/orders/1`)).toMatch(/401$/);
  expect(await curl(`${url}/nowhere`)).toMatch(/404$/);
  expect(await process.stop()).toBe(0);
  expect(process.output).not.toContain(KEY);
  expect(process.output).not.toContain('sk_wrong');
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s lets the request in flight finish, takes no other, and ends with 0',
  async (signal) => {
    slowArrived = new Promise((resolve) => (arrived = resolve));
    const { process, url } = await served();
    const inFlight = withKey(`${url}/orders/slow`);
    await slowArrived;
    const ended = process.stop(signal);
    await process.until(/"msg":"stopping/);
    expect(await withKey(`${url}/orders/1`)).toBe('000');
    letGo();
    expect(await inFlight).toBe('caller=orders-app\n200');
    expect(await ended).toBe(0);
  },
);

test('a port that is in use is exit code 3, and the process that uses the port still serves', async () => {
  const { port, file, url } = await served();
  const { code, stderr } = await loomAuth(['serve', file], { env: { SERVED_KEY: KEY } });
  expect(code).toBe(3);
  expect(stderr).toContain(String(port));
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(await withKey(`${url}/orders/1`)).toMatch(/200$/);
});

test('SIGTERM with a delay keeps the port open, and a second one closes it', async () => {
  const [port = 0] = await freePorts(1);
  const delayed = `${gateway(port)}shutdown: { delay: 1h }\nhealth: { path: /healthz }\n`;
  const process = start(['serve', write(`${port}.yaml`, delayed)], { SERVED_KEY: KEY });
  running.push(process);
  await process.until(/"msg":"listening"/);
  const url = `http://127.0.0.1:${port}`;
  expect(await curl(`${url}/healthz`)).toMatch(/200$/);
  const ended = process.stop('SIGTERM');
  await process.until(/"msg":"stopping: requests in flight may finish"/);
  expect(await curl(`${url}/healthz`)).toMatch(/503$/);
  expect(await withKey(`${url}/orders/1`)).toBe('caller=orders-app\n200');
  const again = process.stop('SIGTERM');
  expect([await ended, await again]).toEqual([0, 0]);
});

describe('a file that cannot be served is exit code 1', () => {
  const refused = async (name: string, text: string | undefined, env = { SERVED_KEY: KEY }) => {
    if (text !== undefined) write(name, text);
    const { code, stdout, stderr } = await loomAuth(['serve', name], { env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).not.toMatch(/^\s+at /m);
    return stderr;
  };

  test('for its mistakes, with their places', async () => {
    const text = gateway(1).replace('upstream: backend, auth', 'upstrem: backend, auth');
    expect(await refused('mistake.yaml', text)).toMatch(/^error mistake\.yaml:9:36 routes\[0\]\.upstrem: /m);
  });

  test('for a variable that is not set: the API key would be empty', async () => {
    expect(await refused('unset.yaml', gateway(1), { SERVED_KEY: '' })).toContain('SERVED_KEY');
  });

  test('for routes and listeners that it does not have', async () => {
    expect(await refused('host.yaml', `middleware: {auth: {api_key: {keys: [{key: ${KEY}, name: a}]}}}`)).toMatch(
      /^error /,
    );
  });

  test('for not being there', async () => {
    expect(await refused('nowhere.yaml', undefined)).toMatch(/^error nowhere\.yaml/);
  });

  test('for a warning, under --strict alone', async () => {
    const { process, file, url } = await served();
    expect(await process.stop()).toBe(0);
    const warned = write('warned.yaml', `${gateway(Number(new URL(url).port))}cache: { enabled: true }\n`);
    expect(await loomAuth(['serve', '--strict', warned], { env: { SERVED_KEY: KEY } })).toMatchObject({ code: 1 });
    const strict = start(['serve', '--strict', file], { SERVED_KEY: KEY });
    running.push(strict);
    await strict.until(/"msg":"listening"/);
  });
});

describe('a runtime that would undo the checks is exit code 2', () => {
  /** Node itself as it is, but under another version number. */
  const as = (version: string): string =>
    `data:text/javascript,globalThis.process=Object.create(process,{version:{value:${JSON.stringify(version)}}})`;

  test.each(['v22.23.1', 'v24.18.0', 'v26.5.0'])('Node %s, below the floor of its line', async (version) => {
    const file = write('old.yaml', gateway(1));
    const args = ['--import', as(version), built(), 'serve', file];
    const { code, stdout, stderr } = await runProcess(NODE, args, { env: { SERVED_KEY: KEY } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`Node ${version} is not safe here`);
  });

  test('but not for Node v24.18.1, the floor itself', async () => {
    const [port = 0] = await freePorts(1);
    const args = ['--import', as('v24.18.1'), built(), 'serve', write('floor.yaml', gateway(port))];
    const floor = new Background(NODE, args, { SERVED_KEY: KEY });
    running.push(floor);
    await floor.until(/"msg":"listening"/);
  });

  test('unless --insecure-node accepts it, which the log then says', async () => {
    const { process } = await served(['--insecure-node']);
    expect(process.output).toContain('the check of the Node version is off');
  });

  test('a lenient parser and unverified TLS, even under --insecure-node', async () => {
    const file = write('lenient.yaml', gateway(1));
    for (const env of [{ NODE_OPTIONS: '--insecure-http-parser' }, { NODE_TLS_REJECT_UNAUTHORIZED: '0' }]) {
      const { code, stderr } = await loomAuth(['serve', '--insecure-node', file], { env: { SERVED_KEY: KEY, ...env } });
      expect(code).toBe(2);
      expect(stderr).toMatch(/insecure-http-parser|NODE_TLS_REJECT_UNAUTHORIZED/);
    }
  });
});
