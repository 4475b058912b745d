/** What this process knows of a request beside its fields. A request carries it under its only symbol. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HiddenProperty } from '../lib/hidden-property.js';

/** The part that layers below admission read. They get a request alone, because a strategy runs with nothing else. */
export class RequestState {
  /** The client address that `trusted_proxies` leads to; undefined before it is looked for. */
  clientAddress: string | undefined;
  /** The length of a body that was read whole and put back. */
  restoredBodyBytes: number | undefined;
  /** The response of a client that waits for `100 Continue`; undefined once the 100 is written. */
  continueResponse: ServerResponse | undefined;
}

const states = new HiddenProperty<RequestState>('loom-auth');

/** Undefined for a request of which nothing is known. */
export function findRequestState(request: IncomingMessage): RequestState | undefined {
  return states.of(request);
}

/** The state of a request; made where there is none. */
export function requestStateOf(request: IncomingMessage): RequestState {
  let state = states.of(request);
  if (!state) states.set(request, (state = new RequestState()));
  return state;
}

/** Replaces the state by one that knows more, and that begins with all that the earlier state holds. */
export function replaceRequestState(request: IncomingMessage, state: RequestState): void {
  const { clientAddress, restoredBodyBytes, continueResponse } = states.of(request) ?? state;
  Object.assign(state, { clientAddress, restoredBodyBytes, continueResponse });
  states.set(request, state);
}
