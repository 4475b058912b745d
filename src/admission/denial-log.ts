/** Writes exactly one log line for each denial, with the id that the response contains. */
import type { RequestContext } from '../context/request-context.js';
import type { Log } from '../lib/types.js';
import { newInstance } from './deny.js';
import type { Denial } from './denial.js';

export interface DenialFacts {
  /** The `instance` member of the response body. */
  readonly instance: string;
  readonly denial: Pick<Denial, 'status' | 'code' | 'reason' | 'target'>;
  readonly client: string | undefined;
  /** Undefined if the bytes were never parsed as a request. */
  readonly method?: string | undefined;
  readonly route?: string | undefined;
  readonly listener?: string;
}

/** Returns the `instance` of a denial: the request id, or a new id. */
export function instanceOf({ id }: RequestContext): string {
  return id ?? newInstance();
}

/** Writes the log line of a denied request, and returns the `instance` of the response. */
export function logDenial(log: Log, context: RequestContext, denial: Denial): string {
  const instance = instanceOf(context);
  const { address: client, request, route } = context;
  writeDenialLine(log, { instance, denial, route: route?.id, method: request.method, client });
  return instance;
}

/** Writes the log line before the response, so that the line exists when a client reads the response. */
export function writeDenialLine(log: Log, { instance, denial, ...about }: DenialFacts): void {
  const { status, code, reason, target } = denial;
  const { path, detail, otherRoute: other } = target ?? {};
  log.info({ event: 'denied', instance, status, code, reason, ...about, path, detail, other }, 'denied');
}
