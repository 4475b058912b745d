/** Tells of the end of a connection: one listener on it, however many of its requests want to know. */
import type { EventEmitter } from 'node:events';
import { Note } from '../lib/note.js';

const waiting = new Note<Set<() => void>>('departures');

/** A client may send hundreds of requests at once on one connection. Returns what to call where nobody wants to know any more. */
export function onDeparture(connection: EventEmitter, act: () => void): () => void {
  let acts = waiting.of(connection);
  if (!acts) {
    const all = (acts = new Set());
    waiting.set(connection, all);
    connection.once('close', () => all.forEach((each) => each()));
  }
  acts.add(act);
  return () => void acts.delete(act);
}
