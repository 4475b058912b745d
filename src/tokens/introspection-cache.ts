/** A bounded cache of answers, each with an expiry time. */
import { LRUCache } from 'lru-cache';
import type { Now } from '../lib/types.js';

interface Entry<V> {
  readonly value: V;
  readonly from: number;
  readonly until: number;
  /** The time from which the entry is refreshed, before it expires. */
  refreshAt: number;
}

interface CacheLimits {
  readonly entries: number;
  /** The sum of all keys and values. A limit on the count alone would let large answers fill the memory. */
  readonly bytes: number;
}

/** The part of its lifetime after which an entry in use is refreshed, so that no request waits for it. */
const AHEAD = 0.8;
const AGAIN = 0.05;
const LEAST_REFRESHED_MS = 10_000;

export class ExpiringCache<V extends object> {
  private readonly entries: LRUCache<string, Entry<V>>;

  constructor(
    limits: CacheLimits,
    private readonly now: Now,
  ) {
    this.entries = new LRUCache({
      max: limits.entries,
      maxSize: limits.bytes,
      sizeCalculation: ({ value }, key) => JSON.stringify(value).length + key.length + 256,
    });
  }

  get(key: string): V | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    const now = this.now();
    // If the clock is set back, entries must not live longer than their lifetime.
    if (now < entry.until && now >= entry.from) return entry.value;
    this.entries.delete(key);
    return undefined;
  }

  /** As `get`, without an effect on the cache. */
  peek(key: string): V | undefined {
    const entry = this.entries.peek(key);
    const now = this.now();
    return entry && now < entry.until && now >= entry.from ? entry.value : undefined;
  }

  set(key: string, value: V, until: number): void {
    const from = this.now();
    const refreshAt = until - from < LEAST_REFRESHED_MS ? Infinity : from + (until - from) * AHEAD;
    if (until > from) this.entries.set(key, { value, from, until, refreshAt });
  }

  /** Whether the entry is old enough to be refreshed. Returns true to only one caller for a while. */
  takeRefresh(key: string): boolean {
    const entry = this.entries.peek(key);
    const now = this.now();
    if (!entry || now < entry.refreshAt) return false;
    // Counted from this attempt, so that during an outage not every hit asks the server.
    entry.refreshAt = now + (entry.until - entry.from) * AGAIN;
    return true;
  }

  delete(key: string): void {
    this.entries.delete(key);
  }

  get size(): number {
    return this.entries.size;
  }

  clear(): void {
    this.entries.clear();
  }
}
