export interface LoomMetric {
  readonly loom: readonly string[];
  readonly here?: string;
  readonly note?: string;
}
export const LOOM_METRICS: readonly LoomMetric[];
