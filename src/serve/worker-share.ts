/** What a worker shares with the other workers of its primary, which serve the same file. */
import type { WorkerChannel } from '../admin/worker-channel.js';
import type { Plan } from '../config/plan-types.js';
import type { SharedMetrics } from '../observe/combined-metrics.js';
import type { AccessRules } from '../routing/access-rules.js';
import type { TicketKeys } from './ticket-keys.js';

export interface WorkerShare {
  /** The number of the worker, from 1. */
  readonly worker: number;
  readonly tickets: TicketKeys;
  readonly sharedMetrics: SharedMetrics;
  readonly channel: WorkerChannel;
  /** The rules that the other workers serve. Undefined if no worker serves yet. */
  readonly rules: AccessRules | undefined;
  /** Receives the plan that this worker serves from now on. */
  readonly took: (plan: Plan) => void;
}
