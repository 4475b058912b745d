/** Remembers which clients wait for `100 Continue`, so that it is written when a body is read and never before. */
import type { IncomingMessage, ServerResponse } from 'node:http';

const waiting = new WeakMap<IncomingMessage, ServerResponse>();

/** For a server's `checkContinue` listener: the client waits, and nobody has answered 100 yet. */
export function awaitContinue(req: IncomingMessage, res: ServerResponse): void {
  waiting.set(req, res);
}

/** Writes the 100 once, when the body is about to be read. */
export function writePendingContinue(req: IncomingMessage): void {
  const res = waiting.get(req);
  if (waiting.delete(req) && !res?.headersSent) res?.writeContinue();
}
