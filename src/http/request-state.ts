/** The data of this process about a request, under the only symbol of the request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HiddenProperty } from '../lib/hidden-property.js';

/**
 * The data that layers below admission read. They receive only the request, because a strategy runs with nothing else.
 */
export class RequestState {
  /** Whether this is the `RequestContext`. An object of another copy of this package is no instance of this class. */
  readonly isContext: boolean = false;
  /** The client address that `trusted_proxies` determined, or undefined before the search. */
  clientAddress: string | undefined;
  /** The length of a body that was read whole and restored. */
  restoredBodyBytes: number | undefined;
  /** The verdicts of the auth methods, if another configuration is evaluated on the request (`auth/live-verdicts.ts`). */
  recording: unknown;
  /** The request came before the end of its connection was decided. */
  inTime: boolean | undefined;
  /** The response to a client that waits for `100 Continue`. Undefined after the 100 is written. */
  continueResponse: ServerResponse | undefined;
  /** Whether the auth method that runs had the answer already, for the decision record. */
  cacheState: 'hit' | 'miss' | undefined;
  /** What a store answered about the credentials of the request, for each reader of a store. */
  lookups: Map<object, unknown> | undefined;
  /** Failures that count only if the request is denied. */
  lateFailures: (() => void)[] | undefined;
}

const states = new HiddenProperty<RequestState>('request');

/** Returns the state of a request, or undefined if there is none. */
export function findRequestState(request: IncomingMessage): RequestState | undefined {
  return states.of(request);
}

/** Records whether an auth method had the answer for this request already. */
export function noteCacheState(request: IncomingMessage, cacheState: 'hit' | 'miss'): void {
  const state = states.of(request);
  if (state) state.cacheState = cacheState;
}

/** Returns the state of a request. Creates it if there is none. */
export function requestStateOf(request: IncomingMessage): RequestState {
  let state = states.of(request);
  if (!state) states.set(request, (state = new RequestState()));
  return state;
}

/** Replaces the state by an extended state, and copies all values of the earlier state. */
export function replaceRequestState(request: IncomingMessage, state: RequestState): void {
  const earlier = states.of(request);
  if (earlier) {
    state.clientAddress = earlier.clientAddress;
    state.restoredBodyBytes = earlier.restoredBodyBytes;
    state.inTime = earlier.inTime;
    state.continueResponse = earlier.continueResponse;
    state.recording = earlier.recording;
    state.lookups = earlier.lookups;
    state.lateFailures = earlier.lateFailures;
  }
  states.set(request, state);
}
