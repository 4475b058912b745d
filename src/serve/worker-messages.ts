/** What the primary and its workers tell each other; never anything of a request. */
import type { Worker } from 'node:cluster';
import type { AccessRules } from '../routing/access-rules.js';
import type { MetricsSnapshot } from '../observe/snapshot.js';

/** To a worker. */
export type Order =
  /** Base64. What the keys of session tickets are made from: over this channel alone, never on a disk, in argv or env. */
  | { readonly kind: 'tickets'; readonly secret: string }
  | { readonly kind: 'stop'; readonly graceful: boolean }
  /** What the others serve: one that starts later may open none of it, as no reload may. */
  | { readonly kind: 'rules'; readonly rules: AccessRules }
  /** What has it counted? */
  | { readonly kind: 'count'; readonly id: number }
  /** What all of them have counted, for the scrape that it was asked. */
  | { readonly kind: 'total'; readonly id: number; readonly text: string };

/** From a worker. */
export type Notice =
  /** It listens to orders and to signals. */
  | { readonly kind: 'here' }
  /** It accepts connections. */
  | { readonly kind: 'ready' }
  /** What it serves from now on. */
  | { readonly kind: 'rules'; readonly rules: AccessRules }
  | { readonly kind: 'counted'; readonly id: number; readonly snapshot: MetricsSnapshot }
  /** It is asked for the numbers of all. */
  | { readonly kind: 'total'; readonly id: number };

/** One that is gone needs no orders: its end is heard of. */
export function send(worker: Worker, order: Order): void {
  if (worker.isConnected()) worker.send(order, undefined, () => undefined);
}

/** To the primary; where it is gone, this process ends by itself. */
export function tell(notice: Notice): void {
  process.send?.(notice, undefined, undefined, () => undefined);
}

/** Other libraries talk over the same channel. */
export function isOrder(message: unknown): message is Order {
  return isKind(message, ['tickets', 'stop', 'rules', 'count', 'total']);
}

export function isNotice(message: unknown): message is Notice {
  return isKind(message, ['here', 'ready', 'rules', 'counted', 'total']);
}

function isKind(message: unknown, kinds: readonly string[]): boolean {
  return typeof message === 'object' && message !== null && 'kind' in message && kinds.includes(String(message.kind));
}
