/** Writes when keys were last used: once a minute for each key, many keys at once, and never on the way of a request. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { throttleLog } from '../../../../lib/log-throttle.js';
import type { Log } from '../../../../lib/types.js';
import { within } from '../../../../lib/within.js';
import type { MethodDeps } from '../../../method.js';
import { ANSWER_MS } from './key-lookup.js';
import type { KeyRecord } from './key-record.js';
import type { KeyStore } from './key-store.js';

const EVERY_MS = 60_000;
const FLUSH_MS = 5_000;
const MOST = 10_000;
/** SQLite writes on the thread of the requests, so requests run between two batches. */
const BATCH = 500;
/** At the end several processes write at once, and a locked store is asked again. */
const CLOSE_MS = 2_000;
const CLOSE_PAUSE_MS = 50;

export class KeyUses {
  readonly #noted = new LRUCache<string, number>({ max: MOST });
  readonly #pending = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #log: Log;

  constructor(
    private readonly store: KeyStore,
    private readonly deps: MethodDeps,
  ) {
    this.#log = throttleLog(deps.log, deps.now);
  }

  note({ id, last_used = 0 }: KeyRecord): void {
    const now = Math.floor(this.deps.now());
    const last = this.#noted.get(id) ?? last_used;
    if (now >= last && now - last < EVERY_MS) return;
    this.#noted.set(id, now);
    // Above the bound the keys are noted at their next use.
    if (this.#pending.size >= MOST) return;
    this.#pending.set(id, now);
    this.#schedule();
  }

  async close(): Promise<void> {
    const end = performance.now() + CLOSE_MS;
    await this.#write();
    while (this.#pending.size > 0 && performance.now() < end) {
      await sleep(CLOSE_PAUSE_MS);
      await this.#write();
    }
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#write();
    }, FLUSH_MS).unref();
  }

  #write(): Promise<void> {
    return (this.#writing = this.#writing.then(() => this.#flush()));
  }

  /** Uses that could not be written stay pending. */
  async #flush(): Promise<void> {
    const uses = [...this.#pending];
    try {
      for (let at = 0; at < uses.length; at += BATCH) {
        const batch = new Map(uses.slice(at, at + BATCH));
        await within(ANSWER_MS, this.store.touch(batch), () => new Error('the key store did not answer'));
        for (const [id, used] of batch) if (this.#pending.get(id) === used) this.#pending.delete(id);
        await nextTurn();
      }
    } catch (cause) {
      const fault = cause instanceof Error ? cause.message : 'failed';
      this.#log.warn({ event: 'key_store', fault }, 'the last use of keys could not be written');
      this.#schedule();
    }
  }
}
