/** Runs callbacks when a connection closes, with one listener per connection for all of its requests. */
import type { EventEmitter } from 'node:events';
import { HiddenProperty } from '../lib/hidden-property.js';

const listeners = new HiddenProperty<Set<() => void>>('connection close');

/**
 * Registers a callback. Returns a function that cancels it. A client may send hundreds of requests at once on one
 * connection.
 */
export function onConnectionClose(connection: EventEmitter, act: () => void): () => void {
  // The socket of an injected request may be any object. It does not close.
  if (typeof connection.once !== 'function') return () => undefined;
  let acts = listeners.of(connection);
  if (!acts) {
    const all = (acts = new Set());
    listeners.set(connection, all);
    connection.once('close', () => all.forEach((each) => each()));
  }
  acts.add(act);
  return () => void acts.delete(act);
}
