/** Keeps the last decisions in a fixed number of places. No client address can displace the decisions of the others. */

interface Entry<T> {
  readonly value: T;
  readonly number: number;
  readonly owner: Owner<T>;
  next: Entry<T> | undefined;
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
  /** In the order of their numbers: the oldest first. */
  readonly #entries = new Map<number, Entry<T>>();
  readonly #owners = new Map<string, Owner<T>>();
  /** The clients above their share: they filled the ring while other clients did not need it. */
  readonly #greedy = new Set<Owner<T>>();
  readonly #share: number;
  #lastNumber = 0;

  constructor(private readonly capacity: number) {
    this.#share = Math.max(LEAST_OF_CLIENT, Math.ceil(capacity / CLIENT_PART));
  }

  /**
   * A full ring forgets an entry: the oldest of this client if the client has its share. Else the oldest of a client
   * above its share. Else the oldest of all.
   */
  add(client: string, value: T): void {
    const owner = this.#ownerOf(client);
    if (this.#entries.size >= this.capacity) this.#forget(owner);
    const entry: Entry<T> = { value, number: ++this.#lastNumber, owner, next: undefined };
    if (owner.last) owner.last.next = entry;
    else owner.first = entry;
    owner.last = entry;
    owner.count += 1;
    if (owner.count > this.#share) this.#greedy.add(owner);
    this.#owners.set(client, owner);
    this.#entries.set(entry.number, entry);
  }

  /** The newest first. */
  values(): readonly T[] {
    return [...this.#entries.values()].map(({ value }) => value).reverse();
  }

  get size(): number {
    return this.#entries.size;
  }

  #ownerOf(client: string): Owner<T> {
    return this.#owners.get(client) ?? { client, first: undefined, last: undefined, count: 0 };
  }

  #forget(owner: Owner<T>): void {
    const [greedy] = this.#greedy;
    const [oldest] = this.#entries.values();
    const entry = owner.count >= this.#share ? owner.first : (greedy?.first ?? oldest);
    if (!entry) return;
    this.#entries.delete(entry.number);
    const { owner: loser } = entry;
    // In each case it is the first entry of its client.
    loser.first = entry.next;
    if (!loser.first) loser.last = undefined;
    loser.count -= 1;
    if (loser.count <= this.#share) this.#greedy.delete(loser);
    if (loser.count === 0) this.#owners.delete(loser.client);
  }
}
