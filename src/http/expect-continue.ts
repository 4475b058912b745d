/** Remembers which clients wait for `100 Continue`, so that it is written when a body is read and never before. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Note } from '../lib/note.js';

const waiting = new Note<ServerResponse | undefined>('waits for 100');

/** For a server's `checkContinue` listener: the client waits, and nobody has answered 100 yet. */
export function awaitContinue(req: IncomingMessage, res: ServerResponse): void {
  waiting.set(req, res);
}

/** Writes the 100 once, when the body is about to be read. */
export function writePendingContinue(req: IncomingMessage): void {
  const res = waiting.of(req);
  waiting.set(req, undefined);
  if (res && !res.headersSent) res.writeContinue();
}
