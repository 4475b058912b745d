/** Runs callbacks when a connection closes, with one listener per connection for all of its requests. */
import type { Duplex } from 'node:stream';
import { HiddenProperty } from '../lib/hidden-property.js';

const listeners = new HiddenProperty<Set<() => void>>('connection close');

/**
 * Registers a callback. Returns a function that cancels it. A client may send hundreds of requests at once on one
 * connection. Calls back at once if the connection has closed already, because no event follows.
 */
export function onConnectionClose(connection: Duplex, act: () => void): () => void {
  // The socket of an injected request may be any object. It does not close.
  if (typeof connection.once !== 'function') return () => undefined;
  if (connection.destroyed) {
    act();
    return () => undefined;
  }
  let acts = listeners.of(connection);
  if (!acts) {
    const all = (acts = new Set());
    listeners.set(connection, all);
    connection.once('close', () => all.forEach((each) => each()));
  }
  acts.add(act);
  return () => void acts.delete(act);
}
