/** The line in the log that stands for each refusal: what a client was told has exactly one event, found by its id. */
import type { RequestContext } from '../context/request-context.js';
import type { Log } from '../lib/types.js';
import { newInstance } from './deny.js';
import type { Denial } from './denial.js';

export interface Refusal {
  /** The `instance` of the answer. */
  readonly instance: string;
  readonly denial: Pick<Denial, 'status' | 'code' | 'reason'>;
  readonly client: string | undefined;
  /** Absent for bytes that never became a request. */
  readonly method?: string | undefined;
  readonly route?: string | undefined;
  readonly listener?: string;
}

/** What a client finds in the body of its denial: the id of its request, or one of the denial's own. */
export function instanceOf({ id }: RequestContext): string {
  return id ?? newInstance();
}

/** Writes the log line of a denied request, and returns the `instance` of the response. */
export function logDenial(log: Log, context: RequestContext, denial: Denial): string {
  const instance = instanceOf(context);
  const { address: client, request, route } = context;
  tellRefusal(log, { instance, denial, route: route?.id, method: request.method, client });
  return instance;
}

/** Written before the answer: a client that reads it at once finds the line. */
export function tellRefusal(log: Log, { instance, denial, ...about }: Refusal): void {
  const { status, code, reason } = denial;
  log.info({ event: 'denied', instance, status, code, reason, ...about }, 'denied');
}
