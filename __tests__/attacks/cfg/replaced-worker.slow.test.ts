/** A worker that replaces another reads the current file, which the other workers may have refused. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { start, write } from '../../cli/command.js';
import { ask } from '../../support/ask.js';
import { freePorts } from '../../support/ports.js';
import type { Background } from '../../support/process.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { until } from '../../support/until.js';

let backend: Server;
let upstream = 0;
beforeAll(async () => {
  backend = createServer((_req, res) => res.end('in'));
  upstream = await listening(backend);
});
afterAll(() => closed(backend));

const started: Background[] = [];
afterEach(() => Promise.all(started.splice(0).map((each) => each.stop('SIGKILL'))));

async function workers() {
  const [port = 0] = await freePorts(1);
  const text = (auth: string): string => `
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key: sk_replaced_worker_1, name: app }] } } }
routes: [{ id: a, path: "/a/*", upstream: backend${auth} }, { id: b, path: "/b/*", upstream: backend, auth: { api_key: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"] }]
`;
  const file = write(`${port}.yaml`, text(', auth: { api_key: true }'));
  const primary = start(['serve', '--workers', '2', file]);
  started.push(primary);
  const seen = async (pattern: RegExp, times: number): Promise<void> =>
    until(
      () => (primary.output.match(pattern)?.length ?? 0) >= times,
      () => primary.output,
    );
  await seen(/a worker serves/g, 2);
  const killOne = (): void => {
    const [, pid] = /"pid":(\d+),"msg":"a worker serves"/.exec(primary.output) ?? [];
    process.kill(Number(pid), 'SIGKILL');
  };
  /** Each on its own connection, so that every worker has some. */
  const knock = async (): Promise<number[]> => {
    const all = Array.from({ length: 6 }, () => ask({ port, path: '/a/x', headers: { Connection: 'close' } }));
    return (await Promise.all(all)).map(({ status }) => status);
  };
  return { edit: (auth: string) => write(`${port}.yaml`, text(auth)), file, killOne, knock, primary, seen };
}

test('it does not open a route that the other workers refused to open', async () => {
  const { edit, file, killOne, knock, primary, seen } = await workers();
  edit('');
  await seen(/the reload failed: the old configuration stays in use/g, 2);
  expect(readFileSync(file, 'utf8')).toContain('id: a, path: "/a/*", upstream: backend }');
  killOne();
  const count = (pattern: RegExp): number => primary.output.match(pattern)?.length ?? 0;
  await until(() => count(/a worker could not start/g) > 0 || count(/a worker serves/g) === 3);
  expect(new Set(await knock())).toEqual(new Set([401]));
  expect(primary.output).toMatch(/would be PUBLIC/);
  edit(', auth: { api_key: true }');
  await seen(/a worker serves/g, 3);
  expect(new Set(await knock())).toEqual(new Set([401]));
});

test('twin: a route that was opened on purpose since the start is open there as well', async () => {
  const { edit, killOne, knock, seen } = await workers();
  edit(', auth: none');
  await seen(/the configuration was reloaded/g, 2);
  killOne();
  await seen(/a worker serves/g, 3);
  expect(new Set(await knock())).toEqual(new Set([200]));
});
