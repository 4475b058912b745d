/** One request from its beginning in an instance to its one decision: a pause that nothing ends is ended here. */
import type { PluginDecision, PluginRequest } from './decision.js';
import type { VmKeeper } from './keeper.js';
import type { Settle } from './stream.js';

const GONE: PluginDecision = { kind: 'fault', fault: 'closed', detail: 'the client is gone' };
const LATE: PluginDecision = {
  kind: 'fault',
  fault: 'pause_timeout',
  detail: 'the plugin paused and did not go on in time',
};

export interface Question {
  readonly request: PluginRequest;
  readonly pauseTimeoutMs: number;
}

/** `settle` is called exactly once. Returns what to call where nobody waits for the decision any more. */
export function judge(keeper: VmKeeper, { request, pauseTimeoutMs }: Question, settle: Settle): () => void {
  let settled = false;
  let timer: NodeJS.Timeout | undefined;
  try {
    const handle = keeper.begin(request, (decision) => {
      settled = true;
      clearTimeout(timer);
      settle(decision);
    });
    if (settled) return () => undefined;
    timer = setTimeout(() => keeper.abandon(handle, LATE), pauseTimeoutMs);
    return () => {
      if (!settled) keeper.abandon(handle, GONE);
    };
  } catch (cause) {
    settle(unavailable(cause));
    return () => undefined;
  }
}

/** A plugin that started once and does not any more. */
export function unavailable(cause: unknown): PluginDecision {
  return { kind: 'fault', fault: 'unavailable', detail: cause instanceof Error ? cause.message : 'does not start' };
}
