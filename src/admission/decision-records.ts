/** Keeps the last decisions of this process: granted, denied and failed ones each have their own places. */
import type { DecisionSink, DeniedLine, RequestContext } from '../context/request-context.js';
import { clientNetwork } from '../lib/address.js';
import type { Now } from '../lib/types.js';
import type { DecisionKind, DecisionQuery, DecisionRecord } from '../observe/decision-record.js';
import { DecisionRing } from '../observe/decision-ring.js';
import { deniedRecord } from './denied-record.js';
import { grantedNote, grantedRecord } from './granted-note.js';

/** The part of the places that each kind has. A flood of one kind leaves the others. */
const PARTS: Readonly<Record<DecisionKind, number>> = { denied: 0.5, granted: 0.3, failed: 0.2 };

type Read = () => DecisionRecord;
type Follower = (read: Read) => void;

export interface DecisionRecordsOptions {
  readonly capacity: number;
  readonly now: Now;
  readonly worker?: number | undefined;
}

export class DecisionRecords implements DecisionSink {
  #rings: Readonly<Record<DecisionKind, DecisionRing<Read>>>;
  #capacity: number;
  readonly #followers = new Set<Follower>();

  constructor(private readonly options: DecisionRecordsOptions) {
    this.#capacity = options.capacity;
    this.#rings = ringsOf(options.capacity);
  }

  /** 0: no record is kept. */
  get capacity(): number {
    return this.#capacity;
  }

  /** A new number of places forgets the records. */
  resize(capacity: number): void {
    if (capacity === this.#capacity) return;
    this.#capacity = capacity;
    this.#rings = ringsOf(capacity);
  }

  admitted(context: RequestContext): void {
    if (this.#capacity === 0) return;
    const note = grantedNote(context, this.options.now());
    this.#keep('granted', note.client, () => this.#signed(grantedRecord(note)));
  }

  /** The record is made after the response was written, in the same turn of the event loop. */
  denied(line: DeniedLine, context?: RequestContext): void {
    if (this.#capacity === 0) return;
    const at = this.options.now();
    process.nextTick(() => {
      const record = this.#signed(deniedRecord(line, context, at));
      this.#keep(record.kind, line.client ?? '', () => record);
    });
  }

  /** The newest first. */
  find(query: DecisionQuery): readonly DecisionRecord[] {
    const kinds = query.kind ? [query.kind] : (Object.keys(PARTS) as DecisionKind[]);
    const all = kinds.flatMap((kind) => this.#rings[kind].values().map((read) => read()));
    const found = all.filter((record) => matches(record, query));
    return found.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0)).slice(0, query.limit);
  }

  /** Calls the follower with each new decision. Returns the function that ends it. */
  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }

  #keep(kind: DecisionKind, client: string, read: Read): void {
    // An IPv6 client has 2^64 addresses.
    this.#rings[kind].add(client.includes(':') ? (clientNetwork(client) ?? client) : client, read);
    for (const follower of this.#followers) follower(read);
  }

  #signed(record: DecisionRecord): DecisionRecord {
    const { worker } = this.options;
    return worker === undefined ? record : { ...record, worker };
  }
}

function ringsOf(capacity: number): Readonly<Record<DecisionKind, DecisionRing<Read>>> {
  const ring = (kind: DecisionKind): DecisionRing<Read> =>
    new DecisionRing(Math.max(1, Math.round(capacity * PARTS[kind])));
  return { denied: ring('denied'), granted: ring('granted'), failed: ring('failed') };
}

function matches(record: DecisionRecord, { id, route, reason, client }: DecisionQuery): boolean {
  if (id !== undefined && ![record.id, record.instance, record.request_id].includes(id)) return false;
  if (route !== undefined && record.route !== route) return false;
  if (reason !== undefined && record.reason !== reason && record.code !== reason) return false;
  return client === undefined || record.client === client;
}
