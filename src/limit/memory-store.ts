/** Buckets in the memory of this process. The store has a maximum size and drops the least recently used bucket. */
import { LRUCache } from 'lru-cache';
import type { NonEmpty, Now } from '../lib/types.js';
import { refilled, type Bucket } from './bucket.js';
import type { Claim, Store, Taken } from './store.js';

/**
 * About 30 MB. A dropped bucket counts as full. A client that floods the store with keys also drops its own buckets.
 */
const MAX_BUCKETS = 100_000;

export class MemoryStore implements Store {
  readonly ready = Promise.resolve();
  readonly up = true;
  /** Created with the first bucket. The cache allocates its whole tables, and many files have no limit. */
  #made: LRUCache<string, Bucket> | undefined;

  constructor(
    private readonly now: Now,
    private readonly max = MAX_BUCKETS,
  ) {}

  get #buckets(): LRUCache<string, Bucket> {
    return (this.#made ??= new LRUCache({ max: this.max }));
  }

  take(claims: NonEmpty<Claim>): Taken {
    const now = this.now();
    const buckets = claims.map(({ key, rate }) => refilled(this.#buckets.get(key), rate, now));
    const allowed = buckets.every(({ tokens }) => tokens >= 1);
    const left = allowed ? buckets.map(({ tokens, at }) => ({ tokens: tokens - 1, at })) : buckets;
    left.forEach((bucket, at) => this.#buckets.set((claims[at] as Claim).key, bucket));
    return { allowed, left, now };
  }

  /** Lowers a bucket to the count of another store. A bucket with fewer tokens is unchanged. */
  follow({ key, rate }: Claim, tokens: number): void {
    const bucket = refilled(this.#buckets.get(key), rate, this.now());
    this.#buckets.set(key, { tokens: Math.min(bucket.tokens, tokens), at: bucket.at });
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Does nothing, because the memory is always up. */
  watch(): void {
    return undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
