/** Failures that count only if the whole request is denied: another auth method may accept the credential. */
import type { IncomingMessage } from 'node:http';
import { findRequestState, requestStateOf } from '../http/request-state.js';

/** Counts a failure when `settleDenied` is called for the request. */
export function failIfDenied(request: IncomingMessage, count: () => void): void {
  (requestStateOf(request).lateFailures ??= []).push(count);
}

/** Counts the failures of a denied request. */
export function settleDenied(request: IncomingMessage): void {
  const state = findRequestState(request);
  if (!state?.lateFailures) return;
  const counts = state.lateFailures;
  state.lateFailures = undefined;
  for (const count of counts) count();
}
