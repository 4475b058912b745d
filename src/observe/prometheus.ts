/** Collects the metrics of all layers and exports them in Prometheus format through prom-client. */
import { collectDefaultMetrics, Registry, type Metric } from 'prom-client';
import { METRICS, type Labels, type MetricName, type Metrics } from '../lib/metrics.js';
import { Histogram, Totals } from './series.js';
import { combinedText, type ProcessMetrics } from './combined-metrics.js';

export interface PrometheusOptions {
  /** The upper bounds of `loom_request_seconds`, in seconds. Default: the bounds of the metric catalogue. */
  readonly buckets?: readonly number[] | undefined;
  /** Whether to export the process metrics of prom-client. Default: false, because a host exports them itself. */
  readonly process?: boolean;
}

/**
 * @example
 * const metrics = new PrometheusMetrics();
 * metrics.count('loom_upstream_retries_total', { upstream: 'orders' });
 * await metrics.text(); // # HELP loom_upstream_retries_total …
 */
export class PrometheusMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #series: ReadonlyMap<MetricName, Totals | Histogram>;
  readonly #process: boolean;

  constructor({ buckets, process = false }: PrometheusOptions = {}) {
    this.#process = process;
    this.#series = new Map(
      Object.entries(METRICS).map(([key, kind]): readonly [MetricName, Totals | Histogram] => {
        const name = key as MetricName;
        if (kind.type !== 'histogram') return [name, new Totals(name, kind)];
        const bounds = name === 'loom_request_seconds' ? (buckets ?? kind.buckets) : kind.buckets;
        return [name, new Histogram(name, kind, bounds)];
      }),
    );
    for (const series of this.#series.values()) this.#registry.registerMetric(series as unknown as Metric);
  }

  count<Name extends MetricName>(name: Name, labels: Labels<Name>, by = 1): void {
    (this.#series.get(name) as Totals).add(labels, by);
  }

  gauge<Name extends MetricName>(name: Name, labels: Labels<Name>, value: number): void {
    (this.#series.get(name) as Totals).set(labels, value);
  }

  time<Name extends MetricName>(name: Name, labels: Labels<Name>, seconds: number): void {
    (this.#series.get(name) as Histogram).observe(labels, seconds);
  }

  /**
   * Removes the series of removed routes, upstreams and listeners after a reload. Otherwise an alert on such a series
   * would never end.
   */
  keep(names: Readonly<Record<'route' | 'upstream' | 'listener' | 'plugin', readonly string[]>>): void {
    for (const [label, values] of Object.entries(names)) {
      const known = new Set(values);
      for (const series of this.#series.values()) series.keep(label, known);
    }
  }

  /** Returns all metrics as data, for the sums of several processes. */
  async snapshot(): Promise<ProcessMetrics> {
    const own: ProcessMetrics = await this.#registry.getMetricsAsJSON();
    return this.#process ? [...own, ...(await processSnapshot())] : own;
  }

  /** Returns all metrics in the format that Prometheus scrapes. */
  async text(): Promise<string> {
    const own = await this.#registry.metrics();
    return this.#process ? `${own}\n${await combinedText([await processSnapshot()])}` : own;
  }
}

const LAG_STATISTIC = /^nodejs_eventloop_lag_\w+_seconds$/;

/**
 * Returns the process metrics. Each scrape clears the histogram of the event loop. A histogram without a sample has the
 * mean NaN and a minimum of 292 years, so its statistics are left out.
 */
async function processSnapshot(): Promise<ProcessMetrics> {
  const metrics = await ofProcess().getMetricsAsJSON();
  const empty = metrics.some(({ name, values }) => LAG_STATISTIC.test(name) && Number.isNaN(values[0]?.value));
  const measured = metrics.filter(({ name }) => !empty || !LAG_STATISTIC.test(name));
  // prom-client omits the start time from sums. The earliest start is the start of the gateway.
  return measured.map((each) => (each.name === 'process_start_time_seconds' ? { ...each, aggregator: 'min' } : each));
}

let shared: Registry | undefined;

/**
 * Returns the only registry of process metrics. Each further registry would monitor the event loop again, without end.
 */
function ofProcess(): Registry {
  if (!shared) {
    shared = new Registry();
    collectDefaultMetrics({ register: shared });
  }
  return shared;
}
