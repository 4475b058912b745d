/** What the primary and its workers tell each other; never anything of a request. */

/** To a worker. */
export type Order =
  /** Base64. What the keys of session tickets are made from: over this channel alone, never on a disk, in argv or env. */
  { readonly kind: 'tickets'; readonly secret: string } | { readonly kind: 'stop'; readonly graceful: boolean };

/** From a worker. */
export type Notice =
  /** It listens to orders and to signals. */
  | { readonly kind: 'here' }
  /** It accepts connections. */
  | { readonly kind: 'ready' };

/** Other libraries talk over the same channel, prom-client for one. */
export function isOrder(message: unknown): message is Order {
  return isKind(message, ['tickets', 'stop']);
}

export function isNotice(message: unknown): message is Notice {
  return isKind(message, ['here', 'ready']);
}

function isKind(message: unknown, kinds: readonly string[]): boolean {
  return typeof message === 'object' && message !== null && 'kind' in message && kinds.includes(String(message.kind));
}
