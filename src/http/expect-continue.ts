/** Stores which clients wait for `100 Continue`, so that it is written only when a body is read. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { findRequestState, requestStateOf } from './request-state.js';

/** For a server's `checkContinue` listener: the client waits, and `100 Continue` is not written yet. */
export function awaitContinue(req: IncomingMessage, res: ServerResponse): void {
  requestStateOf(req).continueResponse = res;
}

/** Writes `100 Continue` once, when the body is about to be read. */
export function writePendingContinue(req: IncomingMessage): void {
  const state = findRequestState(req);
  const res = state?.continueResponse;
  if (!state || !res) return;
  state.continueResponse = undefined;
  if (!res.headersSent) res.writeContinue();
}
