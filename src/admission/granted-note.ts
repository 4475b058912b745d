/** A small note of an admitted request, without the request. Its record is made only when the record is read. */
import { randomUUID } from 'node:crypto';
import { describe } from '../auth/requirement.js';
import type { Guard, RequestContext } from '../context/request-context.js';
import { loggedHost, loggedPath } from '../http/logged-path.js';
import type { DecisionRecord, MethodFinding } from '../observe/decision-record.js';
import { rounded, shortFinding } from './method-findings.js';
import { boundedText, routeWords, without, type MatchedRoute } from './record-words.js';

export interface GrantedNote {
  id?: string;
  readonly at: number;
  readonly elapsedMs: number;
  readonly client: string;
  readonly httpMethod: string | undefined;
  readonly host: string | undefined;
  readonly path: string;
  readonly matched: MatchedRoute | undefined;
  readonly requirement: string;
  readonly outcome: DecisionRecord['outcome'];
  readonly authMethod: string | undefined;
  readonly subject: string | undefined;
  readonly requestId: string | undefined;
  readonly methods: readonly MethodFinding[] | undefined;
}

/** A path without a character that `loggedPath` treats in a special way. */
const PLAIN_PATH = /^\/[\w./~-]{0,511}$/;

export function grantedNote(context: RequestContext, at: number): GrantedNote {
  const { request, route, identities, kind, methodOutcomes } = context;
  const [identity] = identities;
  return {
    at,
    elapsedMs: performance.now() - context.arrivedMs,
    client: context.address,
    httpMethod: request.method,
    host: request.headers.host,
    path: pathOf(request.url ?? ''),
    matched: route && { id: route.id, path: route.path, host: route.host },
    requirement: requirementWords(context.guard),
    outcome: kind === 'preflight' ? 'preflight' : identity ? 'granted' : 'open',
    authMethod: identities.length > 1 ? identities.map((each) => each.method).join('+') : identity?.method,
    subject: identity?.subject,
    requestId: context.id,
    methods: methodOutcomes?.map(shortFinding),
  };
}

/** Makes the record of a note. The id stays the same. */
export function grantedRecord(note: GrantedNote): DecisionRecord {
  note.id ??= `urn:uuid:${randomUUID()}`;
  const { matched, requestId, methods = [] } = note;
  return without<DecisionRecord>({
    id: note.id,
    time: new Date(note.at).toISOString(),
    kind: 'granted',
    outcome: note.outcome,
    instance: requestId,
    request_id: requestId,
    client: note.client,
    http_method: note.httpMethod,
    host: loggedHost(note.host),
    path: note.path,
    route: matched?.id,
    routing: matched && routeWords(matched),
    requirement: boundedText(note.requirement),
    auth_method: note.authMethod,
    subject: note.subject === undefined ? undefined : boundedText(note.subject),
    methods: methods.length === 0 ? undefined : methods.slice(0, 8),
    elapsed_ms: rounded(note.elapsedMs),
  });
}

/** The query may contain a credential. V8 keeps the whole text for a part of it, so the part is copied. */
function pathOf(url: string): string {
  const end = url.indexOf('?');
  const path = end < 0 ? url : url.slice(0, end);
  const kept = PLAIN_PATH.test(path) ? path : loggedPath(path);
  return kept === url ? url : ` ${kept}`.slice(1);
}

/** Each requirement in words, once for each guard. */
const words = new WeakMap<Guard, string>();

export function requirementWords(guard: Guard): string {
  let text = words.get(guard);
  if (text === undefined) words.set(guard, (text = describe(guard.requirement)));
  return text;
}
