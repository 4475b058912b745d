import type { Metrics } from '../../src/lib/metrics.js';

/** Discards all metrics. */
export const NO_METRICS: Metrics = { count: () => undefined, gauge: () => undefined, time: () => undefined };
