/** Runs one request in an instance until its decision. A pause that the plugin does not end in time is ended here. */
import type { PluginDecision, PluginRequest } from './decision.js';
import type { VmSupervisor } from './vm-supervisor.js';
import type { Settle } from './stream.js';

const GONE: PluginDecision = { kind: 'fault', fault: 'closed', detail: 'the client has disconnected' };
const LATE: PluginDecision = {
  kind: 'fault',
  fault: 'pause_timeout',
  detail: 'the plugin paused and did not continue in time',
};

export interface RequestRun {
  readonly request: PluginRequest;
  readonly pauseTimeoutMs: number;
}

/** Calls `settle` exactly once. Returns a function to call when the decision is no longer needed. */
export function runRequest(
  supervisor: VmSupervisor,
  { request, pauseTimeoutMs }: RequestRun,
  settle: Settle,
): () => void {
  let settled = false;
  let timer: NodeJS.Timeout | undefined;
  try {
    const handle = supervisor.begin(request, (decision) => {
      settled = true;
      clearTimeout(timer);
      settle(decision);
    });
    if (settled) return () => undefined;
    timer = setTimeout(() => supervisor.abandon(handle, LATE), pauseTimeoutMs);
    return () => {
      if (!settled) supervisor.abandon(handle, GONE);
    };
  } catch (cause) {
    settle(unavailable(cause));
    return () => undefined;
  }
}

/** Reports a plugin that started once and no longer starts. */
export function unavailable(cause: unknown): PluginDecision {
  return { kind: 'fault', fault: 'unavailable', detail: cause instanceof Error ? cause.message : 'does not start' };
}
