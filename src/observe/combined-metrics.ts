/** Combines the metrics of several processes: the sum, the minimum or the maximum, as each metric defines. */
import { AggregatorRegistry, type Registry } from 'prom-client';

/** All metrics of one process, as plain data. */
export type ProcessMetrics = readonly Counted[];

export interface Counted {
  readonly name: string;
  readonly type: unknown;
}

/** The shared metrics of a process that is one of several workers. */
export interface SharedMetrics {
  /** Registers the function that returns the metrics of this process. */
  share(own: () => Promise<ProcessMetrics>): void;
  /** Returns the metrics of all processes, in Prometheus text format. */
  text(): Promise<string>;
}

/** Returns the combined snapshots in Prometheus text format. */
export function combinedText(snapshots: readonly ProcessMetrics[]): Promise<string> {
  return combinedRegistry(snapshots).metrics();
}

/**
 * Returns the counters and histograms of processes that ended. Without them the sums would fall when a process ends.
 * Prometheus reads a falling counter as a restart and counts all of it again.
 */
export function lastingMetrics(snapshots: readonly ProcessMetrics[]): Promise<ProcessMetrics> {
  const lasting = snapshots.map((each) => each.filter(({ type }) => type === 'counter' || type === 'histogram'));
  return combinedRegistry(lasting).getMetricsAsJSON();
}

function combinedRegistry(snapshots: readonly ProcessMetrics[]): Registry {
  return AggregatorRegistry.aggregate(snapshots as unknown as object[]);
}
