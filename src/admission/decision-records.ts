/** Keeps the last decisions of this process: granted, denied and failed ones each have their own places. */
import type { DecisionSink, DeniedLine, RequestContext } from '../context/request-context.js';
import { clientNetwork } from '../lib/address.js';
import type { Now } from '../lib/types.js';
import type { DecisionKind, DecisionQuery, DecisionRecord } from '../observe/decision-record.js';
import { DecisionPlaces } from '../observe/decision-ring.js';
import { deniedRecord } from './denied-record.js';
import { grantedNote, grantedRecord } from './granted-note.js';

/** A decision whose record may be made later. */
export interface KeptDecision {
  readonly kind: DecisionKind;
  /** The network of the client: an IPv6 client has 2^64 addresses. */
  readonly client: string;
  readonly read: () => DecisionRecord;
  /** Whether the record has this id. Costs less than reading the record. */
  readonly hasId: (id: string) => boolean;
}

type Follower = (decision: KeptDecision) => void;

export interface DecisionRecordsOptions {
  readonly capacity: number;
  readonly now: Now;
  readonly worker?: number | undefined;
}

export class DecisionRecords implements DecisionSink {
  #places: DecisionPlaces<KeptDecision>;
  #capacity: number;
  readonly #followers = new Set<Follower>();

  constructor(private readonly options: DecisionRecordsOptions) {
    this.#capacity = options.capacity;
    this.#places = new DecisionPlaces(options.capacity);
  }

  /** 0: no record is kept. */
  get capacity(): number {
    return this.#capacity;
  }

  /** A new number of places forgets the records. */
  resize(capacity: number): void {
    if (capacity === this.#capacity) return;
    this.#capacity = capacity;
    this.#places = new DecisionPlaces(capacity);
  }

  admitted(context: RequestContext): void {
    if (this.#capacity === 0) return;
    const note = grantedNote(context, this.options.now());
    this.#keep('granted', note.client, {
      read: () => this.#signed(grantedRecord(note)),
      hasId: (id) => note.id === id || note.requestId === id,
    });
  }

  /** The record is made after the response was written, in the same turn of the event loop. */
  denied(line: DeniedLine, context?: RequestContext): void {
    if (this.#capacity === 0) return;
    const at = this.options.now();
    process.nextTick(() => {
      const record = this.#signed(deniedRecord(line, context, at));
      this.#keep(record.kind, line.client ?? '', reading(record));
    });
  }

  /** The newest first. */
  find(query: DecisionQuery): readonly DecisionRecord[] {
    const found: DecisionRecord[] = [];
    for (const { read, hasId } of this.#places.newest(query.kind)) {
      if (query.id !== undefined && !hasId(query.id)) continue;
      const record = read();
      if (matches(record, query)) found.push(record);
      if (found.length === query.limit) break;
    }
    return found;
  }

  /** Calls the follower with each new decision. Returns the function that ends it. */
  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }

  #keep(kind: DecisionKind, address: string, reader: Pick<KeptDecision, 'read' | 'hasId'>): void {
    const client = address.includes(':') ? (clientNetwork(address) ?? address) : address;
    const kept = { kind, client, ...reader };
    this.#places.add(kept, kept);
    for (const follower of this.#followers) follower(kept);
  }

  #signed(record: DecisionRecord): DecisionRecord {
    const { worker } = this.options;
    return worker === undefined ? record : { ...record, worker };
  }
}

/** Defined here: a function keeps all variables of the functions around it, such as the request of the record. */
const reading = (record: DecisionRecord): Pick<KeptDecision, 'read' | 'hasId'> => ({
  read: () => record,
  hasId: (id) => [record.id, record.instance, record.request_id].includes(id),
});

function matches(record: DecisionRecord, { route, reason, client }: DecisionQuery): boolean {
  if (route !== undefined && record.route !== route) return false;
  if (reason !== undefined && record.reason !== reason && record.code !== reason) return false;
  return client === undefined || record.client === client;
}
