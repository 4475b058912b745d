/** Remembers which clients wait for `100 Continue`, so that it is written after admission and never before. */
import type { IncomingMessage, ServerResponse } from 'node:http';

const waiting = new WeakSet<IncomingMessage>();

/** For a server's `checkContinue` listener: the client waits, and nobody has answered 100 yet. */
export function awaitContinue(req: IncomingMessage): void {
  waiting.add(req);
}

/** Writes the 100 once, when the body is about to be read. */
export function writePendingContinue(req: IncomingMessage, res: ServerResponse): void {
  if (waiting.delete(req) && !res.headersSent) res.writeContinue();
}
