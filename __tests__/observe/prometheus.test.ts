/** What is counted, as Prometheus reads it: each request once, by closed words, whatever its client sends. */
import { createServer } from 'node:http';
import { METRICS } from '../../src/lib/metrics.js';
import { loom } from '../../src/loom.js';
import { PrometheusMetrics } from '../../src/observe/prometheus.js';
import { ask } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

const lines = (text: string, name: string): string[] => text.split('\n').filter((line) => line.startsWith(name));

describe('PrometheusMetrics', () => {
  test('every metric of the catalogue has its help and its type, before anything is counted', async () => {
    const text = await new PrometheusMetrics().text();
    for (const [name, { type, help }] of Object.entries(METRICS)) {
      expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    }
    expect(text).not.toMatch(/^process_/m);
  });

  test('two scrapes in a row have numbers only, and the start of the process', async () => {
    const metrics = new PrometheusMetrics({ process: true });
    for (const text of [await metrics.text(), await metrics.text()]) {
      const values = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      expect(values.filter((line) => !/ -?[\d.]+(?:e[+-]?\d+)?$/.test(line))).toEqual([]);
      expect(text).toMatch(/^process_start_time_seconds \d+/m);
      expect(Number(/^nodejs_eventloop_lag_min_seconds (.*)$/m.exec(text)?.[1] ?? 0)).toBeLessThan(3_600);
    }
  });

  test('counters add up, gauges stand, and a label with quotes and line ends stays on its line', async () => {
    const metrics = new PrometheusMetrics();
    metrics.count('loom_upstream_retries_total', { upstream: 'a"b\nc\\d' });
    metrics.count('loom_upstream_retries_total', { upstream: 'a"b\nc\\d' }, 2);
    metrics.count('loom_upstream_retries_total', { upstream: 'other' }, -1);
    metrics.gauge('loom_live_sockets', {}, 7);
    metrics.gauge('loom_live_sockets', {}, 3);
    const text = await metrics.text();
    expect(lines(text, 'loom_upstream_retries_total{')).toEqual([
      'loom_upstream_retries_total{upstream="a\\"b\\nc\\\\d"} 3',
    ]);
    expect(lines(text, 'loom_live_sockets ')).toEqual(['loom_live_sockets 3']);
  });

  test('times fall into the bucket of their upper bound, those of the file for requests', async () => {
    const metrics = new PrometheusMetrics({ buckets: [0.5, 2] });
    for (const seconds of [0.5, 0.6, 3]) metrics.time('loom_request_seconds', { route: 'a', code: '200' }, seconds);
    metrics.time('loom_verdict_seconds', { route: 'a' }, 0.000_002);
    const text = await metrics.text();
    expect(lines(text, 'loom_request_seconds')).toEqual([
      'loom_request_seconds_bucket{route="a",code="200",le="0.5"} 1',
      'loom_request_seconds_bucket{route="a",code="200",le="2"} 2',
      'loom_request_seconds_bucket{route="a",code="200",le="+Inf"} 3',
      'loom_request_seconds_sum{route="a",code="200"} 4.1',
      'loom_request_seconds_count{route="a",code="200"} 3',
    ]);
    expect(lines(text, 'loom_verdict_seconds_bucket').slice(0, 2)).toEqual([
      'loom_verdict_seconds_bucket{route="a",le="0.000001"} 0',
      'loom_verdict_seconds_bucket{route="a",le="0.0000025"} 1',
    ]);
  });

  test('what a reload took away ends, what is left goes on', async () => {
    const metrics = new PrometheusMetrics();
    for (const upstream of ['old', 'new']) metrics.count('loom_upstream_retries_total', { upstream });
    metrics.gauge('loom_upstream_up', { upstream: 'old', endpoint: 'h:1' }, 0);
    metrics.time('loom_verdict_seconds', { route: 'a' }, 1);
    metrics.keep({ route: ['a'], upstream: ['new'], listener: [], plugin: [] });
    metrics.count('loom_upstream_retries_total', { upstream: 'new' });
    const text = await metrics.text();
    expect(lines(text, 'loom_upstream')).toEqual(['loom_upstream_retries_total{upstream="new"} 2']);
    expect(lines(text, 'loom_verdict_seconds_count')).toEqual(['loom_verdict_seconds_count{route="a"} 1']);
  });

  test('the process is part of it where it is ours, its event loop included', async () => {
    const [one, two] = [new PrometheusMetrics({ process: true }), new PrometheusMetrics({ process: true })];
    for (const text of [await one.text(), await two.text()]) expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
  });
});

const FILE = `
metrics: { enabled: true }
middleware: { auth: { api_key: { keys: [{ key: sk_of_the_metrics_test, name: alice-the-subject }] } } }
routes:
  - { id: keys, path: /keys/*, auth: { api_key: true } }
  - { id: open, path: /open/*, auth: none }
  - { id: slow, path: /slow, auth: none, rate_limit: { rate: 0.001, burst: 1 } }
`;

test('each request is one decision and one time, by closed words, and no subject', async () => {
  const gate = loom({ text: FILE, file: 'loom.yaml' }, { log: quietLog() });
  const server = createServer((req, res) =>
    gate(req, res, () => res.writeHead(req.url === '/open/t' ? 799 : 200).end()),
  );
  const port = await listening(server);
  const key = { 'X-API-Key': 'sk_of_the_metrics_test' };
  const asked = [
    ['/keys/a', key],
    ['/keys/b?x=sk_of_the_metrics_test', key],
    ['/keys/c', {}],
    ['/keys/d', { 'X-API-Key': 'wrong' }],
    ['/open/a', {}],
    ['/open/t', {}],
    ['/slow', {}],
    ['/slow', {}],
    ['/elsewhere-of-the-client', {}],
    ['/open/../keys', {}],
  ] as const;
  for (const [path, headers] of asked) await ask({ port, path, headers });
  await closed(server, []);
  const text = await gate.metrics();
  const decisions = lines(text, 'loom_decisions_total{')
    .map((line) => line.slice('loom_decisions_total'.length))
    .sort();
  const of = (route: string, method: string, outcome: string, reason: string, count: number) =>
    `{route="${route}",method="${method}",outcome="${outcome}",reason="${reason}"} ${count}`;
  expect(decisions).toEqual(
    [
      of('keys', 'api_key', 'granted', 'none', 2),
      of('keys', 'none', 'absent', 'credential_missing', 1),
      of('keys', 'api_key', 'rejected', 'credential_invalid', 1),
      of('open', 'none', 'open', 'none', 2),
      of('slow', 'none', 'open', 'none', 1),
      of('slow', 'none', 'limited', 'rate_limited', 1),
      of('(no route)', 'none', 'open', 'none', 1),
      of('(no route)', 'none', 'malformed', 'bad_target', 1),
    ].sort(),
  );
  const total = (name: string) =>
    lines(text, name).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  expect(total('loom_verdict_seconds_count')).toBe(asked.length);
  expect(total('loom_request_seconds_count')).toBe(asked.length);
  expect(text).toMatch(/^loom_request_seconds_count\{route="open",code="7xx"\} 1$/m);
  expect(text).not.toMatch(/alice|sk_of|elsewhere|127\.0\.0\.1/);
  await gate.close();
});

test('without a metrics block nothing is counted, and asking says so', async () => {
  const gate = loom({ text: FILE.replace('enabled: true', 'enabled: false'), file: 'loom.yaml' }, { log: quietLog() });
  await expect(gate.metrics()).rejects.toThrow(/no metrics block/);
  await gate.close();
});
