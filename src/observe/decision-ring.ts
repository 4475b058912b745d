/** Keeps the last decisions in a fixed number of places. No client address can displace the decisions of the others. */
import type { DecisionKind } from './decision-record.js';

interface Entry<T> {
  readonly value: T;
  readonly owner: Owner<T>;
  /** The next entry of the same client. */
  next: Entry<T> | undefined;
  older: Entry<T> | undefined;
  newer: Entry<T> | undefined;
}

/** The entries of one client, the oldest first. */
interface Owner<T> {
  readonly client: string;
  first: Entry<T> | undefined;
  last: Entry<T> | undefined;
  count: number;
}

/** A client has at most this part of the places, once other clients need them. */
const CLIENT_PART = 8;
const LEAST_OF_CLIENT = 4;

export class DecisionRing<T> {
  /** A linked list. A map would walk over its deleted entries to find the oldest one. */
  #oldest: Entry<T> | undefined;
  #newest: Entry<T> | undefined;
  #size = 0;
  readonly #owners = new Map<string, Owner<T>>();
  /** The clients above their share: they filled the ring while other clients did not need it. */
  readonly #greedy = new Set<Owner<T>>();
  readonly #share: number;

  constructor(private readonly capacity: number) {
    this.#share = Math.max(LEAST_OF_CLIENT, Math.ceil(capacity / CLIENT_PART));
  }

  /**
   * A full ring forgets an entry: the oldest of this client if the client has its share. Else the oldest of a client
   * above its share. Else the oldest of all.
   */
  add(client: string, value: T): void {
    const owner = this.#ownerOf(client);
    if (this.#size >= this.capacity) this.#forget(owner);
    const entry: Entry<T> = { value, owner, next: undefined, older: this.#newest, newer: undefined };
    if (this.#newest) this.#newest.newer = entry;
    else this.#oldest = entry;
    this.#newest = entry;
    this.#size += 1;
    if (owner.last) owner.last.next = entry;
    else owner.first = entry;
    owner.last = entry;
    owner.count += 1;
    if (owner.count > this.#share) this.#greedy.add(owner);
    this.#owners.set(client, owner);
  }

  /** The newest first. */
  *newest(): Generator<T> {
    for (let entry = this.#newest; entry; entry = entry.older) yield entry.value;
  }

  #ownerOf(client: string): Owner<T> {
    return this.#owners.get(client) ?? { client, first: undefined, last: undefined, count: 0 };
  }

  #forget(owner: Owner<T>): void {
    const [greedy] = this.#greedy;
    const entry = owner.count >= this.#share ? owner.first : (greedy?.first ?? this.#oldest);
    if (!entry) return;
    this.#unlink(entry);
    const { owner: loser } = entry;
    // In each case it is the first entry of its client.
    loser.first = entry.next;
    if (!loser.first) loser.last = undefined;
    loser.count -= 1;
    if (loser.count <= this.#share) this.#greedy.delete(loser);
    if (loser.count === 0) this.#owners.delete(loser.client);
  }

  #unlink({ older, newer }: Entry<T>): void {
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    this.#size -= 1;
  }
}

/** The part of the places that each kind has. A flood of one kind leaves the others. */
const PARTS: Readonly<Record<DecisionKind, number>> = { denied: 0.5, granted: 0.3, failed: 0.2 };
const KINDS = Object.keys(PARTS) as readonly DecisionKind[];

/** A decision with its place in the order of arrival. */
interface Numbered<T> {
  readonly number: number;
  readonly value: T;
}

function nextOf<T>(list: Generator<T>): T | undefined {
  const next = list.next();
  return next.done ? undefined : next.value;
}

/** Places for decisions of all kinds. */
export class DecisionPlaces<T> {
  readonly #rings: Readonly<Record<DecisionKind, DecisionRing<Numbered<T>>>>;
  #added = 0;

  constructor(capacity: number) {
    const ring = (kind: DecisionKind): DecisionRing<Numbered<T>> =>
      new DecisionRing(Math.max(1, Math.round(capacity * PARTS[kind])));
    this.#rings = { denied: ring('denied'), granted: ring('granted'), failed: ring('failed') };
  }

  /** The number of decisions that were added, also of those that have no place any more. */
  get added(): number {
    return this.#added;
  }

  add({ kind, client }: { readonly kind: DecisionKind; readonly client: string }, value: T): void {
    this.#rings[kind].add(client, { number: ++this.#added, value });
  }

  /** The newest first. Default: all kinds. A reader of a few decisions does not walk over the others. */
  *newest(kind?: DecisionKind): Generator<T> {
    const lists = (kind ? [kind] : KINDS).map((each) => this.#rings[each].newest());
    const heads = lists.map((list) => ({ list, head: nextOf(list) }));
    for (;;) {
      const latest = heads.reduce((a, b) => ((b.head?.number ?? 0) > (a.head?.number ?? 0) ? b : a));
      if (!latest.head) return;
      yield latest.head.value;
      latest.head = nextOf(latest.list);
    }
  }
}
