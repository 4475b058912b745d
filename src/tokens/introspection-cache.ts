/** A bounded memory of answers, each with the moment it ends. */
import { LRUCache } from 'lru-cache';
import type { Now } from '../lib/types.js';

interface Entry<V> {
  readonly value: V;
  readonly from: number;
  readonly until: number;
}

interface CacheLimits {
  readonly entries: number;
  /** Of all values together, by `sizeOf`: the count alone would let large answers fill the memory. */
  readonly bytes: number;
}

export class ExpiringCache<V extends object> {
  private readonly entries: LRUCache<string, Entry<V>>;

  constructor(
    limits: CacheLimits,
    private readonly now: Now,
  ) {
    this.entries = new LRUCache({
      max: limits.entries,
      maxSize: limits.bytes,
      sizeCalculation: ({ value }) => JSON.stringify(value).length + 256,
    });
  }

  get(key: string): V | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    const now = this.now();
    // A clock set back must not stretch what was promised for minutes.
    if (now < entry.until && now >= entry.from) return entry.value;
    this.entries.delete(key);
    return undefined;
  }

  set(key: string, value: V, until: number): void {
    const from = this.now();
    if (until > from) this.entries.set(key, { value, from, until });
  }

  get size(): number {
    return this.entries.size;
  }

  clear(): void {
    this.entries.clear();
  }
}
