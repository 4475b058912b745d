/**
 * Each alert fires when its fault happens, and stays silent before. Each panel shows data in a real Prometheus.
 *
 * @needs prometheus promtool
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { LOOM_METRICS } from '../../scripts/reference/loom-metrics.mjs';
import { ask } from '../support/ask.js';
import { faultyGateway, type FaultyGateway } from '../support/faulty-gateway.js';
import { freePorts } from '../support/ports.js';
import { Background, runProcess } from '../support/process.js';

const EXAMPLES = resolve(__dirname, '../../examples/observability');
const ALERTS = join(EXAMPLES, 'alerts.yaml');
const folder = mkdtempSync(join(tmpdir(), 'loom-alerts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[];
}
interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}
const alerts = (parse(readFileSync(ALERTS, 'utf8')) as Rules).groups.flatMap(({ rules }) =>
  rules.map((rule) => rule.alert),
);
const panels = (JSON.parse(readFileSync(join(EXAMPLES, 'dashboard.json'), 'utf8')) as Dashboard).panels;
const queries = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const));

type Samples = ReadonlyMap<string, number>;

/** Reads the series of a scrape: a name with its labels, and its value. The labels name the scraped target. */
function samplesOf(pages: readonly string[]): Samples {
  const lines = pages.flatMap((text, target) =>
    text.split('\n').flatMap((line) => {
      const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined) return [];
      const all = [`job="loom-auth",instance="${target}"`, ...(labels === '' ? [] : [labels])].join(',');
      return [[`${name}{${all}}`, Number(value)] as const];
    }),
  );
  return new Map(lines);
}

/** In promtool the clock starts at zero, so points in time become relative to the scrape. */
const valueOf = (name: string, value: number): number =>
  name.includes('timestamp_seconds') ? value - Date.now() / 1_000 : value;

/** What the series would be if the difference between two scrapes were repeated at each scrape interval. */
function repeated(before: Samples, after: Samples): object[] {
  return [...after].map(([series, value]) => {
    if (!isCounter(series)) return { series, values: `${valueOf(series, value)}x200` };
    const start = before.get(series);
    const step = value - (start ?? 0);
    // A series that did not exist before the fault has no earlier sample.
    return {
      series,
      values: start === undefined ? `_x20 0+${step}x180` : `${start}${step < 0 ? '-' : '+'}${Math.abs(step)}x200`,
    };
  });
}

const isCounter = (series: string): boolean => /_(?:total|bucket|count|sum)\{/.test(series);
const firing = (names: readonly string[]): object => ({
  expr: 'group by (alertname) (ALERTS{alertstate="firing"})',
  eval_time: '45m',
  exp_samples: names.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
});

const worlds: Record<string, { readonly series: object[]; readonly fires: readonly string[] }> = {};
let gateway: FaultyGateway | undefined;
let prometheus: Background | undefined;
let port = 0;

beforeAll(async () => {
  const started = await faultyGateway();
  gateway = started;
  [port = 0] = await freePorts(1);
  const [closedPort = 0] = await freePorts(1);
  const config = {
    global: { scrape_interval: '500ms', evaluation_interval: '500ms' },
    rule_files: [ALERTS],
    scrape_configs: [
      { job_name: 'loom-auth', static_configs: [{ targets: [...started.targets, `127.0.0.1:${closedPort}`] }] },
    ],
  };
  writeFileSync(join(folder, 'prometheus.yml'), stringify(config));
  prometheus = new Background('prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  await prometheus.until(/Server is ready to receive web requests/);

  await started.askQuietly();
  const start = samplesOf(await started.scrape());
  await started.askQuietly();
  const quiet = samplesOf(await started.scrape());
  await started.fail();
  const failed = samplesOf(await started.scrape());
  const without = (samples: Samples, pattern: RegExp): Samples =>
    new Map([...samples].filter(([key]) => !pattern.test(key)));
  // These faults of the file exist from the start.
  const standing = /certificate_expiry|jwks_|store_up|upstream_up|store_errors|health_checks|lag_max/;
  worlds['quiet'] = { series: repeated(start, without(quiet, standing)), fires: [] };
  worlds['faulty'] = { series: repeated(quiet, failed), fires: alerts.filter((name) => name !== 'LoomDown') };
  worlds['down'] = { series: [{ series: 'up{job="loom-auth",instance="i"}', values: '0x200' }], fires: ['LoomDown'] };
}, 120_000);
afterAll(async () => {
  await prometheus?.stop();
  await gateway?.close();
});

test.each(['quiet', 'faulty', 'down'])('the alerts that fire in a gateway that is %s', async (name) => {
  const { series = [], fires = [] } = worlds[name] ?? {};
  const path = join(folder, `${name}.yml`);
  const tests = [{ interval: '15s', input_series: series, promql_expr_test: [firing(fires)] }];
  writeFileSync(path, stringify({ rule_files: [ALERTS], evaluation_interval: '15s', tests }));
  const { code, stdout, stderr } = await runProcess('promtool', ['test', 'rules', path]);
  expect({ code, output: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, output: '' });
});

async function query(expr: string): Promise<readonly number[]> {
  const { body } = await ask({ port, path: `/api/v1/query?query=${encodeURIComponent(expr)}` });
  const { data } = JSON.parse(body) as { data: { result: readonly { readonly value: readonly [number, string] }[] } };
  return data.result.map(({ value: [, value] }) => Number(value));
}

test.each(queries)('the panel "%s" has data: %s', async (_title, expr) => {
  await expectData(expr);
});

async function expectData(expr: string): Promise<void> {
  const end = Date.now() + 20_000;
  let values = await query(expr);
  while (!values.some(Number.isFinite) && Date.now() < end) {
    await gateway?.askFailing();
    await new Promise((done) => setTimeout(done, 200));
    values = await query(expr);
  }
  expect({ expr, values: values.filter(Number.isFinite).length > 0 }).toEqual({ expr, values: true });
}

const ofLoom = LOOM_METRICS.flatMap(({ loom, here }) => (here === undefined ? [] : [[loom.join(', '), here] as const]));

test.each(ofLoom)("the expression for %s of Loom's own gateway has data: %s", async (_names, expr) => {
  await expectData(expr);
});

test('a real Prometheus reads every scrape and knows that a gateway is down', async () => {
  expect([...(await query('up{job="loom-auth"}'))].sort()).toEqual([0, 1, 1]);
});
