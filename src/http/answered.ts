/** The status that an upgrade was answered with: no response object remembers it. */
import type { IncomingMessage } from 'node:http';
import { Note } from '../lib/note.js';

const statuses = new Note<number>('answered');

export function setAnswered(req: IncomingMessage, status: number): void {
  statuses.set(req, status);
}

/** Undefined where nothing was written. */
export function answeredOf(req: IncomingMessage): number | undefined {
  return statuses.of(req);
}
