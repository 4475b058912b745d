/** Buckets in memory: as many as fit, the one longest unused goes first. */
import { LRUCache } from 'lru-cache';
import type { Bucket } from './bucket.js';

/** About 30 MB; whoever floods with keys pushes his own out, and a forgotten bucket is a full one. */
const MAX_BUCKETS = 100_000;

export class MemoryStore {
  /** Made with the first bucket, because the cache allocates its tables whole and many files limit nothing. */
  #buckets: LRUCache<string, Bucket> | undefined;

  constructor(private readonly max = MAX_BUCKETS) {}

  get(key: string): Bucket | undefined {
    return this.#buckets?.get(key);
  }

  set(key: string, bucket: Bucket): void {
    this.#buckets ??= new LRUCache({ max: this.max });
    this.#buckets.set(key, bucket);
  }

  get size(): number {
    return this.#buckets?.size ?? 0;
  }
}
