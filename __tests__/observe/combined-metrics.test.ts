import { PrometheusMetrics } from '../../src/observe/prometheus.js';
import { lastingMetrics, combinedText } from '../../src/observe/combined-metrics.js';

function process(decisions: number, up: number, generation: number): PrometheusMetrics {
  const metrics = new PrometheusMetrics();
  metrics.count('loom_upstream_retries_total', { upstream: 'orders' }, decisions);
  metrics.gauge('loom_upstream_up', { upstream: 'orders', endpoint: 'a:1' }, up);
  metrics.gauge('loom_config_generation', {}, generation);
  metrics.gauge('loom_live_sockets', {}, decisions);
  metrics.time('loom_introspection_seconds', { method: 'oauth' }, 0.2);
  return metrics;
}

/** As it comes over the channel between two processes. */
const sent = async (metrics: PrometheusMetrics) =>
  JSON.parse(JSON.stringify(await metrics.snapshot())) as Awaited<ReturnType<PrometheusMetrics['snapshot']>>;

test('counts and times are summed; of other values, the worst value of all processes is reported', async () => {
  const text = await combinedText([await sent(process(3, 1, 5)), await sent(process(4, 0, 4))]);
  const lines = text.split('\n');
  expect(lines).toContain('loom_upstream_retries_total{upstream="orders"} 7');
  expect(lines).toContain('loom_live_sockets 7');
  expect(lines).toContain('loom_upstream_up{upstream="orders",endpoint="a:1"} 0');
  expect(lines).toContain('loom_config_generation 4');
  expect(lines).toContain('loom_introspection_seconds_count{method="oauth"} 2');
  expect(lines).toContain('loom_introspection_seconds_bucket{method="oauth",le="+Inf"} 2');
});

test('what a process has counted stays in the sums when it is gone; what it was does not', async () => {
  const before = await lastingMetrics([[], await sent(process(3, 0, 1))]);
  const legacy = await lastingMetrics([before, await sent(process(10, 0, 1))]);
  const text = await combinedText([legacy, await sent(process(4, 1, 6))]);
  const lines = text.split('\n');
  expect(lines).toContain('loom_upstream_retries_total{upstream="orders"} 17');
  expect(lines).toContain('loom_introspection_seconds_count{method="oauth"} 3');
  expect(lines).toContain('loom_upstream_up{upstream="orders",endpoint="a:1"} 1');
  expect(lines).toContain('loom_config_generation 6');
  expect(lines).toContain('loom_live_sockets 4');
});

test('one process alone says the same as before', async () => {
  const metrics = process(3, 1, 5);
  const [own, gathered] = [await metrics.text(), await combinedText([await sent(metrics)])];
  const sorted = (text: string): string[] => text.split('\n').filter(Boolean).sort();
  expect(sorted(gathered)).toEqual(sorted(own));
});
