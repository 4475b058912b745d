/** Calls back when a connection closes. Each connection gets one listener, however many of its requests ask. */
import type { EventEmitter } from 'node:events';
import { HiddenProperty } from '../lib/hidden-property.js';

const listeners = new HiddenProperty<Set<() => void>>('connection close');

/** A client may send hundreds of requests at once on one connection. Returns a function that cancels the call. */
export function onConnectionClose(connection: EventEmitter, act: () => void): () => void {
  let acts = listeners.of(connection);
  if (!acts) {
    const all = (acts = new Set());
    listeners.set(connection, all);
    connection.once('close', () => all.forEach((each) => each()));
  }
  acts.add(act);
  return () => void acts.delete(act);
}
