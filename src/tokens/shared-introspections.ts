/** Introspection answers that several instances share in Redis. If Redis does not answer, the issuer is asked. */
import { RedisConnection, type RedisOptions } from '../redis/redis.js';
import type { Log, Now } from '../lib/types.js';
import { SealedAnswers, type DatedAnswer } from './sealed-answers.js';

export interface SharedIntrospectionsOptions {
  /** The auth method, for the log. */
  readonly method: string;
  readonly redis: RedisOptions;
  /** A secret that only the instances know. */
  readonly secret: string;
  readonly now: Now;
  readonly log: Log;
}

/** An answer of at most 64 KiB, sealed and in base64url. */
const MAX_LENGTH = 131_072;

export class SharedIntrospections {
  /** Rejects if the Redis client is not installed. */
  readonly ready: Promise<void>;
  readonly #redis: RedisConnection;
  readonly #sealed: SealedAnswers;

  constructor(private readonly options: SharedIntrospectionsOptions) {
    this.#sealed = new SealedAnswers(options.secret);
    this.#redis = new RedisConnection(options.redis);
    this.ready = this.#redis.ready;
    const { method, log } = options;
    this.#redis.watch((up, reason) => {
      if (up) log.info({ method }, 'shared introspection cache in use');
      else log.warn({ method, reason }, 'shared introspection cache not in use; the issuer is asked');
    });
  }

  /**
   * Returns the answer that another instance got, while it is valid. Never rejects. Never takes longer than a command
   * may.
   */
  async get(question: readonly string[]): Promise<DatedAnswer | undefined> {
    const name = this.#sealed.nameOf(question);
    // Bounds the length: a writer to Redis could otherwise make each read fill the memory.
    const text = await this.#redis.run('getrange', this.#redis.keyOf(name), 0, MAX_LENGTH).catch(() => undefined);
    if (typeof text !== 'string' || text.length > MAX_LENGTH) return undefined;
    const dated = this.#sealed.open(name, text);
    return dated && this.options.now() < dated.until ? dated : undefined;
  }

  /** No request waits for it. */
  put(question: readonly string[], dated: DatedAnswer): void {
    const ms = Math.floor(dated.until - this.options.now());
    if (ms < 1) return;
    const name = this.#sealed.nameOf(question);
    const text = this.#sealed.seal(name, dated);
    if (text.length > MAX_LENGTH) return;
    void this.#redis.run('set', this.#redis.keyOf(name), text, 'PX', ms).catch(() => undefined);
  }

  close(): Promise<void> {
    return this.#redis.close();
  }
}
