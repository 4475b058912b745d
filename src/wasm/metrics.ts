/** The metrics that a plugin defines: counters, gauges and histograms by name. Their number is bounded. */
import { LIMITS, METRIC_TYPES, Status, type MetricType } from './abi.js';

export interface Metric {
  readonly name: string;
  readonly type: MetricType;
  /** For a histogram, the last recorded value. */
  readonly value: bigint;
}

type Mutable = { -readonly [K in keyof Metric]: Metric[K] };

export class PluginMetrics {
  readonly #metrics: Mutable[] = [];

  get all(): readonly Metric[] {
    return this.#metrics;
  }

  /** Returns the id of the metric. The same name has the same id. On failure returns the reason. */
  define(type: number, name: string): { readonly id: number } | Status {
    const known = this.#metrics.findIndex((each) => each.name === name);
    if (known !== -1) return { id: known + 1 };
    const kind = METRIC_TYPES[type];
    if (kind === undefined || this.#metrics.length >= LIMITS.metrics || name.length > 256) return Status.BadArgument;
    return { id: this.#metrics.push({ name, type: kind, value: 0n }) };
  }

  increment(id: number, offset: bigint): Status {
    const metric = this.#metrics[id - 1];
    if (!metric) return Status.NotFound;
    if (metric.type === 'histogram' || (metric.type === 'counter' && offset < 0n)) return Status.BadArgument;
    metric.value += offset;
    return Status.Ok;
  }

  record(id: number, value: bigint): Status {
    const metric = this.#metrics[id - 1];
    if (!metric) return Status.NotFound;
    metric.value = BigInt.asUintN(64, value);
    return Status.Ok;
  }

  get(id: number): bigint | undefined {
    return this.#metrics[id - 1]?.value;
  }
}
