/** Writes when keys were last used: once a minute for each key, many keys at once, and never on the way of a request. */
import { LRUCache } from 'lru-cache';
import { throttleLog } from '../../../../lib/log-throttle.js';
import type { Log } from '../../../../lib/types.js';
import type { MethodDeps } from '../../../method.js';
import type { KeyRecord } from './key-record.js';
import type { KeyStore } from './key-store.js';

const EVERY_MS = 60_000;
const FLUSH_MS = 5_000;
const MOST = 10_000;

export class KeyUses {
  readonly #noted = new LRUCache<string, number>({ max: MOST });
  #pending = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  readonly #log: Log;

  constructor(
    private readonly store: KeyStore,
    private readonly deps: MethodDeps,
  ) {
    this.#log = throttleLog(deps.log, deps.now);
  }

  note({ id, last_used = 0 }: KeyRecord): void {
    const now = this.deps.now();
    const last = this.#noted.get(id) ?? last_used;
    if (now >= last && now - last < EVERY_MS) return;
    this.#noted.set(id, now);
    // Above the bound the keys are noted at their next use.
    if (this.#pending.size >= MOST) return;
    this.#pending.set(id, now);
    this.#timer ??= setTimeout(() => void this.#flush(), FLUSH_MS).unref();
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#flush();
  }

  async #flush(): Promise<void> {
    this.#timer = undefined;
    const uses = this.#pending;
    if (uses.size === 0) return;
    this.#pending = new Map();
    try {
      await this.store.touch(uses);
    } catch (cause) {
      const fault = cause instanceof Error ? cause.message : 'failed';
      this.#log.warn({ event: 'key_store', fault }, 'the last use of keys could not be written');
    }
  }
}
