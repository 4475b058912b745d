/** Defines the messages between the primary and its workers, which never contain a credential of a request. */
import type { Worker } from 'node:cluster';
import type { PlannedShutdown } from '../config/plan-types.js';
import type { AccessRules } from '../routing/access-rules.js';
import type { ProcessMetrics } from '../observe/combined-metrics.js';

/** A message to a worker. */
export type Order =
  /**
   * Base64. The secret for the session ticket keys. It is sent only over this channel, never on a disk, in argv or env.
   * `umask` is that of the process before the primary changed its own for the creation of Unix sockets.
   */
  | { readonly kind: 'tickets'; readonly secret: string; readonly umask: number }
  /** Without `delay` the ports close at once, also if a stop with a delay has begun. */
  | { readonly kind: 'stop'; readonly delay: boolean }
  /**
   * The rules that the other workers serve. A worker that starts later must not open guarded paths, as with a reload.
   */
  | { readonly kind: 'rules'; readonly rules: AccessRules }
  /** Requests the counts of the worker. */
  | { readonly kind: 'count'; readonly id: number }
  /** The counts of all workers, for the scrape that the worker received. */
  | { readonly kind: 'total'; readonly id: number; readonly text: string }
  /** A question of another worker; see `admin/worker-channel.ts`. */
  | { readonly kind: 'asked'; readonly id: number; readonly question: string; readonly input: unknown }
  /** The answers of the other workers. */
  | {
      readonly kind: 'answers';
      readonly id: number;
      readonly answers: readonly unknown[];
      readonly missing: readonly string[];
    }
  /** Whether another worker follows the topic. */
  | { readonly kind: 'publish'; readonly topic: string; readonly on: boolean }
  | Items;

/** Items that a worker publishes, for the workers that follow the topic. */
interface Items {
  readonly kind: 'items';
  readonly topic: string;
  readonly items: readonly unknown[];
  readonly dropped: number;
}

/** A message from a worker. */
export type Notice =
  /** The worker listens to orders and signals. */
  | { readonly kind: 'here' }
  /** The worker accepts connections. */
  | { readonly kind: 'ready' }
  /** The rules that the worker serves from now on, and the times of a stop. */
  | { readonly kind: 'rules'; readonly rules: AccessRules; readonly shutdown: PlannedShutdown }
  | { readonly kind: 'counted'; readonly id: number; readonly snapshot: ProcessMetrics }
  /** The worker requests the counts of all workers. */
  | { readonly kind: 'total'; readonly id: number }
  /** A question for all other workers. */
  | { readonly kind: 'ask'; readonly id: number; readonly question: string; readonly input: unknown }
  | { readonly kind: 'answered'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'unanswered'; readonly id: number }
  | { readonly kind: 'follow'; readonly topic: string; readonly on: boolean }
  | Items;

/** A disconnected worker needs no orders. The primary receives its exit event. `sent` is called in any case. */
export function send(worker: Worker, order: Order, sent: () => void = () => undefined): void {
  if (worker.isConnected()) worker.send(order, undefined, () => sent());
  else sent();
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
  return isKind(message, ORDERS);
}

export function isNotice(message: unknown): message is Notice {
  return isKind(message, NOTICES);
}

const ORDERS: readonly Order['kind'][] = [
  ...(['tickets', 'stop', 'rules', 'count', 'total'] as const),
  ...(['asked', 'answers', 'publish', 'items'] as const),
];
const NOTICES: readonly Notice['kind'][] = [
  ...(['here', 'ready', 'rules', 'counted', 'total'] as const),
  ...(['ask', 'answered', 'unanswered', 'follow', 'items'] as const),
];

function isKind(message: unknown, kinds: readonly string[]): boolean {
  return typeof message === 'object' && message !== null && 'kind' in message && kinds.includes(String(message.kind));
}
