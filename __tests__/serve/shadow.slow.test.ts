/** A shadow file beside a gateway: it is watched, counted, merged over workers, and a missing file stops no request. */
import { rmSync, writeFileSync } from 'node:fs';
import { folder, start, write } from '../cli/command.js';
import { serve } from '../../src/serve/serve.js';
import type { ShadowReport } from '../../src/runtime/shadow/report.js';
import { ask } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { echoUpstream, type Echo } from '../support/recording-upstream.js';
import { until } from '../support/until.js';

const TOKEN = 'reader-token-0123456789';
const KEY = 'sk_test_0123456789abcdef0123456789abcdef';

let echo: Echo;
const ending: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  echo = await echoUpstream();
});
afterAll(() => echo.close());
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

const candidate = (auth: string, port = 8080): string => `
listeners: [{ name: http, address: "127.0.0.1:${port}", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: orders }] } } }
routes:
  - { id: orders, path: /orders/*, upstream: echo, auth: ${auth} }
  - { id: guarded, path: /guarded/*, upstream: echo, auth: { api_key: true } }
upstreams: [{ name: echo, endpoints: ["127.0.0.1:${echo.port}"] }]`;

interface Ground {
  readonly file: string;
  readonly next: string;
  send(headers?: Record<string, string>): Promise<number>;
  report(): Promise<ShadowReport>;
  metrics(): Promise<string>;
}

/** The files of a gateway. `name`: the start of their names. */
async function ground(name: string, shadow?: string): Promise<Ground> {
  const [port = 0, admin = 0] = await freePorts(2);
  const next = `${folder}/${name}-next.yaml`;
  if (shadow === undefined) rmSync(next, { force: true });
  else writeFileSync(next, shadow);
  const file = write(
    `${name}.yaml`,
    `${candidate('{ api_key: true }', port)}
admin: { address: "127.0.0.1:${admin}", auth: { type: bearer, bearer: { token: ${TOKEN} } } }
metrics: {}
shadow: ${name}-next.yaml
`,
  );
  const page = async (path: string): Promise<string> => {
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const { status, body } = await ask({ port: admin, path, headers });
    expect([path, status]).toEqual([path, 200]);
    return body;
  };
  return {
    file,
    next,
    send: async (headers = {}) => (await ask({ port, path: '/orders/1', headers })).status,
    report: async () => JSON.parse(await page('/shadow')) as ShadowReport,
    metrics: () => page('/metrics'),
  };
}

async function serving(files: Ground): Promise<ReturnType<typeof quietLog>> {
  const log = quietLog();
  const gateway = await serve(files.file, { log });
  ending.push(() => gateway.stop({ timeout: 0 }));
  return log;
}

async function reported(files: Ground, isThere: (report: ShadowReport) => boolean): Promise<ShadowReport> {
  for (let left = 200; ; left -= 1) {
    const report = await files.report();
    if (isThere(report)) return report;
    if (left === 0) throw new Error(JSON.stringify(report));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const compared = ({ requests: { same, different } }: ShadowReport): number => same + different;

test('a changed shadow file is read again, and the metrics count by its decisions', async () => {
  const files = await ground('watched', candidate('{ api_key: true }'));
  await serving(files);
  expect(await files.send()).toBe(401);
  const first = await reported(files, (each) => compared(each) === 1);
  expect(first).toMatchObject({ state: 'active', differences: [] });
  writeFileSync(files.next, candidate('none'));
  await reported(files, ({ since }) => since !== first.since);
  expect(await files.send()).toBe(401);
  expect(await files.send({ 'X-API-Key': KEY })).toBe(200);
  const { differences } = await reported(files, ({ differences: all }) => all.length === 2);
  expect(differences.map(({ from, to }) => `${from.outcome} ${to.outcome}`).sort()).toEqual([
    'absent open',
    'granted open',
  ]);
  const text = await files.metrics();
  expect(text).toMatch(/^loom_shadow_active 1$/m);
  expect(text).toMatch(/^loom_shadow_requests_total\{outcome="same"\} 1$/m);
  expect(text).toMatch(/^loom_shadow_requests_total\{outcome="different"\} 2$/m);
  expect(text).toMatch(/^loom_shadow_differences_total\{from="absent",to="open",reason="none"\} 1$/m);
});

test('a missing shadow file is rejected with its path, and the gateway serves', async () => {
  const files = await ground('missing');
  const log = await serving(files);
  expect([await files.send(), await files.send({ 'X-API-Key': KEY })]).toEqual([401, 200]);
  const lines = log.entries.filter(({ words }) => words === 'the shadow file is rejected');
  expect(lines).toMatchObject([{ level: 'error', facts: { event: 'shadow', file: files.next } }]);
  expect(String(lines[0]?.facts['errors'])).toContain('there is no such file');
  expect(await files.report()).toMatchObject({ state: 'rejected', differences: [] });
  expect(await files.metrics()).toMatch(/^loom_shadow_active 0$/m);
  // Twin: the file is evaluated as soon as it exists.
  writeFileSync(files.next, candidate('{ api_key: true }'));
  await reported(files, ({ state }) => state === 'active');
  expect(await files.send()).toBe(401);
  await reported(files, (each) => compared(each) === 1);
  expect(await files.metrics()).toMatch(/^loom_shadow_active 1$/m);
});

test('a wrong version is rejected, and the next version is evaluated', async () => {
  const files = await ground('wrong', candidate('none'));
  await serving(files);
  writeFileSync(files.next, candidate('none').replace('path:', 'paht:'));
  const { errors } = await reported(files, ({ state }) => state === 'rejected');
  expect(errors?.join()).toContain('paht');
  expect(await files.send()).toBe(401);
  writeFileSync(files.next, candidate('{ api_key: true }'));
  await reported(files, ({ state }) => state === 'active');
});

test('the report has the requests of both workers', async () => {
  const files = await ground('workers', candidate('none'));
  const primary = start(['serve', '--workers', '2', files.file]);
  ending.push(() => primary.stop('SIGKILL'));
  await until(
    () => primary.output.split('a worker serves').length === 3,
    () => primary.output,
  );
  const statuses = await Promise.all(Array.from({ length: 40 }, () => files.send()));
  expect(new Set(statuses)).toEqual(new Set([401]));
  const { state, requests, differences } = await reported(files, (each) => compared(each) === 40);
  expect([state, requests.different]).toEqual(['active', 40]);
  expect(differences).toMatchObject([{ count: 40, from: { outcome: 'absent' }, to: { outcome: 'open' } }]);
  // Each worker writes the first difference that it finds: both have judged requests.
  const told = primary.output.split('\n').filter((line) => line.includes('the shadow file decides otherwise'));
  const workers = told.map((line) => (JSON.parse(line) as { readonly worker: number }).worker);
  expect([...new Set(workers)].sort()).toEqual([1, 2]);
  expect(await files.metrics()).toMatch(/^loom_shadow_requests_total\{outcome="different"\} 40$/m);
});
