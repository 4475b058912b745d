/** Writes exactly one log line for each denial, with the id that the response contains. */
import type { IncomingMessage } from 'node:http';
import type { DeniedLine, RequestContext } from '../context/request-context.js';
import { loggedHost, loggedPath } from '../http/logged-path.js';
import { wholeTarget } from '../http/original-url.js';
import type { Log } from '../lib/types.js';
import { newInstance } from './deny.js';
import { outcomeOf, type Denial } from './denial.js';

export interface DenialFacts {
  /** The `instance` member of the response body. */
  readonly instance: string;
  readonly denial: Pick<Denial, 'status' | 'code' | 'reason' | 'target' | 'method' | 'detail' | 'limit' | 'near'>;
  readonly client: string | undefined;
  /** Undefined if the bytes were never parsed as a request. */
  readonly http_method?: string | undefined;
  readonly host?: string | undefined;
  readonly path?: string | undefined;
  readonly route?: string | undefined;
  readonly listener?: string;
}

/** Returns the `instance` of a denial: the request id, or a new id. The access line has the same id. */
function instanceOf(context: RequestContext): string {
  context.instance ??= context.id ?? newInstance();
  return context.instance;
}

/** Writes the log line of a denied request and keeps its record. Returns the `instance` of the response. */
export function logDenial(log: Log, context: RequestContext, denial: Denial): string {
  const instance = instanceOf(context);
  const { address: client, request, route, records } = context;
  const facts = {
    instance,
    denial,
    route: route?.id,
    http_method: request.method,
    host: loggedHost(hostOf(request)),
    path: loggedPath(wholeTarget(request)?.whole ?? request.url ?? ''),
    client,
  };
  const line = writeDenialLine(log, facts);
  records?.denied(line, context);
  return instance;
}

/** A request that no server has parsed may have no headers. */
const hostOf = ({ headers }: Partial<IncomingMessage>): string | undefined => headers?.host;

const LONGEST_DETAIL = 1_024;

/** A bug in a sentence for the log must not change the response. */
function detailOf({ target, detail }: DenialFacts['denial']): string | undefined {
  try {
    return (target?.detail ?? detail?.())?.slice(0, LONGEST_DETAIL);
  } catch {
    return 'the detail could not be built';
  }
}

/** Logs before the response is sent: a host whose log writes at once has the line when a client reads the response. */
export function writeDenialLine(log: Log, { instance, denial, ...about }: DenialFacts): DeniedLine {
  const { status, code, reason, target, method } = denial;
  const detail = detailOf(denial);
  const path = target?.path ?? about.path;
  const facts = { instance, status, code, reason, auth_method: method, ...about, path, detail };
  const line = { ...facts, other: target?.otherRoute };
  const outcome = outcomeOf(denial);
  // An upstream or the gateway failed. The client did nothing wrong.
  if (outcome === 'failed') log.info({ event: 'failed', ...line }, 'failed');
  else log.info({ event: 'denied', ...line }, 'denied');
  return { ...facts, outcome, limit: denial.limit, near: denial.near };
}
