/** Makes the record of a denial while its request still exists. */
import { randomUUID } from 'node:crypto';
import type { DeniedLine, RequestContext } from '../context/request-context.js';
import type { DecisionRecord } from '../observe/decision-record.js';
import { requirementWords } from './granted-note.js';
import { findingsOf, rounded } from './method-findings.js';
import { boundedRecord, boundedText, routeWords, without } from './record-words.js';

const LONGEST_DETAIL = 600;
const LONGEST_PATH = 512;

/**
 * Without a context, the bytes were never parsed as a request. Never throws: a record is made outside of the request, and
 * an exception would end the process.
 */
export function deniedRecord(line: DeniedLine, context: RequestContext | undefined, at: number): DecisionRecord {
  try {
    return boundedRecord(wholeRecord(line, context, at));
  } catch {
    const { instance: id, outcome, status, code, reason, client } = line;
    const kind = kindOf(line);
    return without({ id, instance: id, time: new Date(at).toISOString(), kind, outcome, status, code, reason, client });
  }
}

const kindOf = ({ outcome }: DeniedLine): DecisionRecord['kind'] => (outcome === 'failed' ? 'failed' : 'denied');

const nonEmpty = <T>(list: readonly T[] = []): readonly T[] | undefined => (list.length === 0 ? undefined : list);

function wholeRecord(line: DeniedLine, context: RequestContext | undefined, at: number): DecisionRecord {
  const { route, id: requestId, endpointFailure: endpoint, arrivedMs } = context ?? {};
  const { detail, path, host, limit } = line;
  const matched = route && { id: route.id, path: route.path, host: route.host };
  const findings = context ? findingsOf(context) : [];
  const kind = kindOf(line);
  return without<DecisionRecord>({
    // An instance that is no request id is our own.
    id: requestId === undefined ? line.instance : `urn:uuid:${randomUUID()}`,
    time: new Date(at).toISOString(),
    kind,
    outcome: line.outcome,
    status: line.status,
    code: line.code,
    cause: line.cause,
    reason: line.reason,
    instance: line.instance,
    request_id: requestId,
    client: line.client,
    http_method: line.http_method && boundedText(line.http_method, 32),
    host: host && boundedText(host),
    path: path && boundedText(path, LONGEST_PATH),
    route: line.route,
    // Without a route, the sentence names the routes that nearly match.
    near: nonEmpty(line.near?.()),
    routing: matched ? routeWords(matched) : line.status === 404 || line.status === 405 ? detail : undefined,
    requirement: context?.foundGuard && boundedText(requirementWords(context.foundGuard)),
    auth_method: line.auth_method,
    detail: detail && boundedText(detail, LONGEST_DETAIL),
    methods: nonEmpty(findings),
    limit,
    endpoint: kind === 'failed' ? endpoint : undefined,
    elapsed_ms: arrivedMs === undefined ? undefined : rounded(performance.now() - arrivedMs),
  });
}
