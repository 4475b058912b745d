/** Counts the connections that ended before their first request, until the metrics are read. */
import type { Metrics } from '../lib/metrics.js';

type Metric = 'loom_client_tls_faults_total' | 'loom_proxy_protocol_faults_total';

interface Counted {
  readonly metric: Metric;
  readonly listener: string;
  readonly cause: string;
  by: number;
}

export class ConnectionFaults {
  readonly #counts = new Map<string, Counted>();

  count(metric: Metric, { listener, cause }: Pick<Counted, 'listener' | 'cause'>): void {
    const key = JSON.stringify([metric, listener, cause]);
    const counted = this.#counts.get(key) ?? { metric, listener, cause, by: 0 };
    counted.by += 1;
    this.#counts.set(key, counted);
  }

  publish(metrics: Metrics): void {
    for (const { metric, by, ...labels } of this.#counts.values()) metrics.count(metric, labels, by);
    this.#counts.clear();
  }
}
