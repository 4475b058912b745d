/** Defines the messages between the primary and its workers, which never contain request data. */
import type { Worker } from 'node:cluster';
import type { AccessRules } from '../routing/access-rules.js';
import type { ProcessMetrics } from '../observe/combined-metrics.js';

/** A message to a worker. */
export type Order =
  /**
   * Base64. The secret for the session ticket keys. It is sent only over this channel, never on a disk, in argv or env.
   */
  | { readonly kind: 'tickets'; readonly secret: string }
  | { readonly kind: 'stop'; readonly graceful: boolean }
  /**
   * The rules that the other workers serve. A worker that starts later must not open guarded paths, as with a reload.
   */
  | { readonly kind: 'rules'; readonly rules: AccessRules }
  /** Requests the counts of the worker. */
  | { readonly kind: 'count'; readonly id: number }
  /** The counts of all workers, for the scrape that the worker received. */
  | { readonly kind: 'total'; readonly id: number; readonly text: string };

/** A message from a worker. */
export type Notice =
  /** The worker listens to orders and signals. */
  | { readonly kind: 'here' }
  /** The worker accepts connections. */
  | { readonly kind: 'ready' }
  /** The rules that the worker serves from now on. */
  | { readonly kind: 'rules'; readonly rules: AccessRules }
  | { readonly kind: 'counted'; readonly id: number; readonly snapshot: ProcessMetrics }
  /** The worker requests the counts of all workers. */
  | { readonly kind: 'total'; readonly id: number };

/** A disconnected worker needs no orders. The primary receives its exit event. */
export function send(worker: Worker, order: Order): void {
  if (worker.isConnected()) worker.send(order, undefined, () => undefined);
}

/** The id of counts that the primary did not ask for. */
export const UNASKED = 0;

/**
 * Sends a message to the primary. If the primary has ended, this process ends by itself. `sent` is called in any case.
 */
export function tell(notice: Notice, sent: () => void = () => undefined): void {
  if (process.send) process.send(notice, undefined, undefined, sent);
  else sent();
}

/** Other libraries may use the same channel. */
export function isOrder(message: unknown): message is Order {
  return isKind(message, ['tickets', 'stop', 'rules', 'count', 'total']);
}

export function isNotice(message: unknown): message is Notice {
  return isKind(message, ['here', 'ready', 'rules', 'counted', 'total']);
}

function isKind(message: unknown, kinds: readonly string[]): boolean {
  return typeof message === 'object' && message !== null && 'kind' in message && kinds.includes(String(message.kind));
}
