/** The pages of decisions: the last ones of all workers, one by its id, and a stream of new ones. */
import type { DecisionKind, DecisionQuery, DecisionRecord } from '../observe/decision-record.js';
import type { DecisionRecords, KeptDecision } from '../admission/decision-records.js';
import { DecisionPlaces } from '../observe/decision-ring.js';
import { eventStream, event } from './event-stream.js';
import { json, type AdminPage, type Page, type PageRequest } from './page.js';
import type { WorkerChannel } from './worker-channel.js';

const KINDS: readonly DecisionKind[] = ['granted', 'denied', 'failed'];
const USUAL_LIMIT = 100;
const MAX_LIMIT = 1_000;
const MAX_STREAMS = 16;
/** A worker publishes at most this many decisions in this time. The others are counted. */
const PUBLISHED = { decisions: 100, perMs: 200 };

/** Lets this process answer for its decisions, and publish new ones while a process follows them. */
export function offerDecisions(records: DecisionRecords, channel: WorkerChannel): void {
  channel.answer('decisions', (query) => records.find(query));
  channel.source('decisions', (publish) => {
    // A flood of one client or of one kind leaves places for the others, as in the kept decisions.
    let places = new DecisionPlaces<KeptDecision>(PUBLISHED.decisions);
    const leave = records.follow((decision) => places.add(decision, decision));
    const timer = setInterval(() => {
      const { added } = places;
      if (added === 0) return;
      const batch = [...places.newest()].reverse();
      places = new DecisionPlaces(PUBLISHED.decisions);
      publish(
        batch.map(({ read }) => read()),
        added - batch.length,
      );
    }, PUBLISHED.perMs).unref();
    return () => {
      clearInterval(timer);
      leave();
    };
  });
}

export function decisionPages(channel: WorkerChannel): readonly AdminPage[] {
  let streams = 0;
  const opened = (change: number): void => void (streams += change);
  return [
    { path: '/decisions', role: 'reader', methods: ['GET'], answer: (request) => list(request, channel) },
    {
      path: '/decisions/stream',
      role: 'reader',
      methods: ['GET'],
      answer: (request) =>
        streams >= MAX_STREAMS ? json(503, { error: 'too many streams are open' }) : stream(request, channel, opened),
    },
    { path: '/decisions/*', role: 'reader', methods: ['GET'], answer: ({ rest }) => one(rest, channel) },
  ];
}

async function list({ query }: PageRequest, channel: WorkerChannel): Promise<Page> {
  const asked = queryOf(query);
  if (typeof asked === 'string') return json(400, { error: asked });
  const { answers, missing } = await channel.ask('decisions', asked);
  return json(200, { decisions: newest(answers, asked.limit), missing });
}

/** Several records may have one request id, because a client may send it. */
async function one(rest: string, channel: WorkerChannel): Promise<Page> {
  const id = decoded(rest);
  const { answers, missing } = await channel.ask('decisions', { id, limit: 10 });
  const decisions = newest(answers, 10);
  if (decisions.length > 0) return json(200, { decisions, missing });
  return json(404, { error: 'no worker has a decision with this id; it may be too old', missing });
}

function stream({ query }: PageRequest, channel: WorkerChannel, opened: (change: number) => void): Page {
  const asked = queryOf(query);
  if (typeof asked === 'string') return json(400, { error: asked });
  return eventStream((out) => {
    opened(1);
    let missed = 0;
    const leave = channel.follow('decisions', (items, dropped) => {
      missed += dropped;
      for (const record of items) if (matches(record, asked) && !out.write(event('decision', record))) missed += 1;
      if (missed > 0 && out.write(event('dropped', { count: missed }))) missed = 0;
    });
    return () => {
      opened(-1);
      leave();
    };
  });
}

function queryOf(query: URLSearchParams): DecisionQuery | string {
  const of = (name: string): object => (query.has(name) ? { [name]: query.get(name) } : {});
  const limit = Number(query.get('limit') ?? USUAL_LIMIT);
  const kind = query.get('kind');
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    return `limit must be a number from 1 to ${MAX_LIMIT}`;
  if (kind !== null && !KINDS.includes(kind as DecisionKind)) return `kind must be ${KINDS.join(', ')}`;
  return { limit, ...of('kind'), ...of('route'), ...of('reason'), ...of('client') };
}

function matches(record: DecisionRecord, { kind, route, reason, client }: DecisionQuery): boolean {
  const same = (wanted: string | undefined, ...values: readonly (string | undefined)[]): boolean =>
    wanted === undefined || values.includes(wanted);
  return (
    same(kind, record.kind) &&
    same(route, record.route) &&
    same(reason, record.reason, record.code) &&
    same(client, record.client)
  );
}

function newest(answers: readonly (readonly DecisionRecord[])[], limit: number): readonly DecisionRecord[] {
  const all = answers.flat();
  return all.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0)).slice(0, limit);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
