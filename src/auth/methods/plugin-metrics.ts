/** What a plugin took and what it decided, as numbers. */
import type { Metrics } from '../../lib/metrics.js';
import type { PluginDecision } from '../../wasm/decision.js';

interface Told {
  readonly plugin: string;
  readonly decision: PluginDecision;
  readonly ms: number;
}

/** `outcome`: `continue`, `respond`, or why there was no decision (`trap`, `timeout`, …). */
export function tellDecision(metrics: Metrics | undefined, { plugin, decision, ms }: Told): void {
  if (!metrics) return;
  metrics.time('loom_plugin_seconds', { plugin }, ms / 1_000);
  const outcome = decision.kind === 'fault' ? decision.fault : decision.kind;
  metrics.count('loom_plugin_outcomes_total', { plugin, outcome });
}
