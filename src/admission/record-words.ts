/** The words and the bounds of a decision record. */
import { quoted } from '../lib/sentence.js';
import { MAX_RECORD_BYTES, type DecisionRecord, type MethodFinding } from '../observe/decision-record.js';

export interface MatchedRoute {
  readonly id: string;
  readonly path: string;
  readonly host: string | undefined;
}

const LONGEST_TEXT = 256;

export function boundedText(text: string, longest = LONGEST_TEXT): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** Says why the route matches. */
export function routeWords({ path, host }: MatchedRoute): string {
  const hosts = host === undefined ? '' : ` for the host ${quoted(host)}`;
  return `the path matches ${quoted(path)}${hosts}`;
}

/** Returns the value without its undefined members. */
export function without<T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

/** What is left out of a record that is too long, in this order. */
const SHORTER: readonly ((record: DecisionRecord) => DecisionRecord)[] = [
  (record) => ({ ...record, methods: onlyMembers(record, 'places', 'found') }),
  (record) => ({ ...record, methods: onlyMembers(record) }),
  (record) => ({ ...record, methods: [], detail: boundedText(record.detail ?? '', 300) }),
  (record) => ({
    ...record,
    path: boundedText(record.path ?? '', 128),
    routing: boundedText(record.routing ?? '', 64),
    near: [],
  }),
  // A client chooses the other texts. It must not remove who it is and what was decided.
  ({ id, time, kind, outcome, status, code, cause, reason, instance, client, http_method, route }) =>
    without({ id, time, kind, outcome, status, code, cause, reason, instance, client, http_method, route }),
  ({ id, time, kind, outcome, client }) => without({ id, time, kind, outcome, client }),
];

function onlyMembers(
  { methods = [] }: DecisionRecord,
  ...kept: readonly ('places' | 'found')[]
): readonly MethodFinding[] {
  return methods.map((finding) => {
    const { method, verdict, reason } = finding;
    const short = { method, verdict, ...(reason && { reason }) };
    return Object.assign(short, ...kept.map((name) => finding[name] && { [name]: finding[name] })) as MethodFinding;
  });
}

/**
 * Returns the record, or a shorter one, with at most `MAX_RECORD_BYTES`. It is a copy: V8 keeps a whole text for each part
 * of it, and a part of a target would keep the query with its credential.
 */
export function boundedRecord(record: DecisionRecord): DecisionRecord {
  let bounded = record;
  let text = JSON.stringify(bounded);
  for (const shorten of SHORTER) {
    if (Buffer.byteLength(text) <= MAX_RECORD_BYTES) break;
    bounded = { ...shorten(bounded), shortened: true };
    text = JSON.stringify(bounded);
  }
  return JSON.parse(text) as DecisionRecord;
}
