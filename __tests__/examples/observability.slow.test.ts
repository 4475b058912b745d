/** The dashboard and the alerts use existing metrics, labels and outcomes. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { METRICS } from '../../src/lib/metrics.js';
import { PrometheusMetrics } from '../../src/observe/prometheus.js';

const read = (name: string): string => readFileSync(resolve(__dirname, '../../examples/observability', name), 'utf8');

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}
interface Alerts {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const panels = (JSON.parse(read('dashboard.json')) as Dashboard).panels;
const rules = (parse(read('alerts.yaml')) as Alerts).groups.flatMap((group) => group.rules);
const queries = [...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)), ...rules.map(({ expr }) => expr)];

type Catalogue = Readonly<Record<string, { readonly type: string; readonly labels: readonly string[] }>>;
const catalogue: Catalogue = METRICS;

/** `loom_x_bucket` of a histogram, and the plain name of every other metric. */
function metricOf(name: string): string {
  const [, base = name] = /^(.*)_(?:bucket|count|sum)$/.exec(name) ?? [];
  return catalogue[base]?.type === 'histogram' && base !== name ? base : name;
}

test('every metric that they use is in the catalogue, or is a process metric', async () => {
  const metrics = new PrometheusMetrics({ process: true });
  let process = await metrics.text();
  // The statistics of the event loop are left out until the first sample.
  while (!process.includes('nodejs_eventloop_lag_max_seconds')) {
    await new Promise((done) => setTimeout(done, 20));
    process = await metrics.text();
  }
  const named = queries.flatMap((query) => query.match(/\b(?:loom|nodejs|process)_\w+/g) ?? []);
  expect(named.length).toBeGreaterThan(30);
  for (const name of named) {
    if (name.startsWith('loom_')) expect(Object.keys(METRICS)).toContain(metricOf(name));
    else expect(process).toContain(`\n${name} `);
  }
});

test('all but a few metrics of the catalogue are on the dashboard or in an alert', () => {
  const unseen = Object.keys(METRICS).filter((name) => !queries.some((query) => query.includes(name)));
  expect(unseen.length).toBeLessThan(6);
});

test('labels that they group or filter by are labels of the metric', () => {
  for (const query of queries) {
    const labels = [...query.matchAll(/\b(?:by|without) \(([^)]*)\)|\{([^}]*)\}/g)].flatMap(([, by, chosen]) =>
      by === undefined ? (chosen?.match(/\w+(?==|!)/g) ?? []) : by.split(/, */),
    );
    const known = (query.match(/\bloom_\w+/g) ?? []).flatMap((name) => catalogue[metricOf(name)]?.labels ?? []);
    for (const label of labels)
      expect({ query, label, known: [...known, 'le', 'job', 'instance'].includes(label) }).toMatchObject({
        known: true,
      });
  }
});

test('every alert has a summary and a runbook line, and a unique name', () => {
  for (const { alert, annotations } of rules) {
    expect({ alert, summary: annotations['summary'] }).toEqual({
      alert,
      summary: expect.stringMatching(/.{10}/) as string,
    });
    expect({ alert, runbook: annotations['runbook'] }).toEqual({
      alert,
      runbook: expect.stringMatching(/.{20}/) as string,
    });
  }
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  expect(rules.length).toBeGreaterThan(10);
});
