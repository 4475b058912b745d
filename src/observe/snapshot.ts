/** The numbers of several processes as one: added up, or the least or greatest of them, as each metric says. */
import { AggregatorRegistry, type Registry } from 'prom-client';

/** Everything that one process has counted, as plain data. */
export type MetricsSnapshot = readonly Counted[];

export interface Counted {
  readonly name: string;
  readonly type: unknown;
}

/** The numbers of a process that is one of several. */
export interface Together {
  /** How to learn what this one has counted. */
  share(own: () => Promise<MetricsSnapshot>): void;
  /** What all of them have, in Prometheus's text format. */
  text(): Promise<string>;
}

/** In Prometheus's text format. */
export function textOf(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return registryOf(snapshots).metrics();
}

/**
 * What a process leaves behind for the sums: without it they would fall when the process ends, and Prometheus takes a
 * counter that falls for one that began anew, and counts all of it again.
 */
export function legacyOf(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  const lasting = snapshots.map((each) => each.filter(({ type }) => type === 'counter' || type === 'histogram'));
  return registryOf(lasting).getMetricsAsJSON();
}

function registryOf(snapshots: readonly MetricsSnapshot[]): Registry {
  return AggregatorRegistry.aggregate(snapshots as unknown as object[]);
}
