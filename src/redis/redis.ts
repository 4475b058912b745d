/** A connection to Redis with a deadline for every command. While Redis is down, a command fails at once. */
import { hash } from 'node:crypto';
import { within } from '../lib/within.js';
import { backOff, connectRedis, type RedisClient, type RedisOptions } from './client.js';
import { isUnknownScript, RedisFault, redisFaultOf, type RedisFaultReason } from './fault.js';

export type { RedisOptions } from './client.js';

/** A Lua script. Its text is sent only if the server does not know it yet. */
export interface RedisScript {
  readonly text: string;
  readonly sha1: string;
}

export const redisScript = (text: string): RedisScript => ({ text, sha1: hash('sha1', text, 'hex') });

/** Called with every change of state, including the first state. `reason` is given if Redis is down. */
export type RedisWatch = (up: boolean, reason?: RedisFaultReason) => void;

/** The time that a command may add to a request. With the time of Loom itself a request stays below 50 ms. */
const DEADLINE_MS = 40;
/**
 * A few late answers may be a pause of either process. This number in a row, without an answer in between, means that
 * the server hangs.
 */
const MISSES = 3;
const SILENCE_MS = 150;
const PROBE_MS = 1_000;
/** After this time the client abandons a server that accepted the connection and sent nothing. */
const CONNECTED_MS = 3_000;
/** The longest wait at start for a server that does not answer. */
const PATIENCE_MS = 1_000;
/** A connection that lasted this long has recovered. The next fault starts with the shortest wait. */
const STEADY_MS = 10_000;

/** Writes with a script, as the commands do. A PING also succeeds on a replica, a full server and a loading server. */
const PROBE = "return redis.call('SET', KEYS[1], '1', 'PX', 1000)";

export class RedisConnection {
  /** Rejects if the client is not installed. Resolves if the server does not answer. */
  readonly ready: Promise<void>;
  #client: RedisClient | undefined;
  #state: 'starting' | 'up' | 'down' | 'closed' = 'starting';
  #misses = 0;
  #attempt = 0;
  #upSince = 0;
  #answeredAt = 0;
  #waitingSince = 0;
  #reason: RedisFaultReason = 'closed';
  /** A key in the slot that failed last. */
  #probeKey: string;
  #timer: NodeJS.Timeout | undefined;
  #probing = false;
  readonly #watches = new Set<RedisWatch>();
  #settle: () => void = () => undefined;

  constructor(
    private readonly options: RedisOptions,
    private readonly deadlineMs = DEADLINE_MS,
  ) {
    this.#probeKey = `${options.keyPrefix}{probe}`;
    this.ready = this.#start();
    // A rejection that no caller waits for must not end the process.
    this.ready.catch(() => undefined);
  }

  get up(): boolean {
    return this.#state === 'up';
  }

  /** Reports the current state, if it is known, and every change. The returned function ends the reports. */
  watch(watch: RedisWatch): () => void {
    this.#watches.add(watch);
    if (this.#state === 'up') watch(true);
    if (this.#state === 'down') watch(false, this.#reason);
    return () => void this.#watches.delete(watch);
  }

  /** The key in Redis: the prefix, and the name as the tag that chooses the slot. A name has no braces. */
  keyOf(name: string): string {
    return `${this.options.keyPrefix}{${name}}`;
  }

  /**
   * Runs one command with its key. Rejects with a `RedisFault`, at the latest at the deadline.
   *
   * @example await redis.run('get', redis.keyOf(digest))
   */
  run(command: string, key: string, ...args: readonly (string | number)[]): Promise<unknown> {
    return this.#ask(key, (client) => client.call(command, key, ...args));
  }

  /** Runs a script, which is atomic over its keys. In a cluster the keys must be in one slot. */
  script(
    script: RedisScript,
    keys: readonly [string, ...string[]],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args];
    return this.#ask(keys[0], async (client) => {
      try {
        return await client.call('evalsha', script.sha1, ...rest);
      } catch (error) {
        if (!isUnknownScript(error)) throw error;
        return client.call('eval', script.text, ...rest);
      }
    });
  }

  close(): Promise<void> {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    this.#watches.clear();
    this.#client?.disconnect();
    this.#settle();
    return Promise.resolve();
  }

  async #ask(key: string, act: (client: RedisClient) => Promise<unknown>): Promise<unknown> {
    if (this.#state !== 'up' || !this.#client) throw new RedisFault('down');
    try {
      const answer = await within(this.deadlineMs, act(this.#client), timedOut);
      this.#misses = 0;
      this.#answeredAt = performance.now();
      return answer;
    } catch (error) {
      const fault = redisFaultOf(error);
      if (fault.reason === 'timeout' ? this.#isSilent() : fault.isOfServer) this.#fell(fault.reason, key);
      throw fault;
    }
  }

  async #start(): Promise<void> {
    const client = await connectRedis(this.options);
    if (this.#state === 'closed') return client.disconnect();
    this.#client = client;
    client.on('error', (error) => (this.#reason = redisFaultOf(error).reason));
    client.on('close', () => this.#fell(this.#state === 'up' ? 'closed' : this.#reason));
    client.on('ready', () => void this.#probe());
    this.#timer = setTimeout(() => this.#fell('timeout'), PATIENCE_MS);
    await new Promise<void>((resolve) => (this.#settle = resolve));
  }

  #isSilent(): boolean {
    this.#misses += 1;
    return this.#misses >= MISSES && performance.now() - this.#answeredAt > SILENCE_MS;
  }

  #fell(reason: RedisFaultReason, key?: string): void {
    if (this.#state === 'down' || this.#state === 'closed') return;
    if (performance.now() - this.#upSince > STEADY_MS) this.#attempt = 0;
    // The probe uses the same slot, so that it asks the node that failed.
    if (key !== undefined) this.#probeKey = `${key}:probe`;
    this.#reason = reason;
    this.#change('down');
    this.#waitingSince = performance.now();
    this.#schedule();
  }

  #rose(): void {
    if (this.#state === 'up' || this.#state === 'closed') return;
    clearTimeout(this.#timer);
    this.#misses = 0;
    this.#upSince = this.#answeredAt = performance.now();
    this.#change('up');
  }

  #change(state: 'up' | 'down'): void {
    this.#state = state;
    this.#settle();
    for (const watch of [...this.#watches]) watch(state === 'up', state === 'down' ? this.#reason : undefined);
  }

  #schedule(): void {
    if (this.#state !== 'down') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#probe(), backOff(this.#attempt++)).unref();
  }

  /** Tests whether Redis answers in time again. A connection without an answer for a second is replaced. */
  async #probe(): Promise<void> {
    if (this.#probing || this.#state === 'up' || this.#state === 'closed' || !this.#client) return;
    this.#probing = true;
    const asked = performance.now();
    try {
      const { status } = this.#client;
      if (status.startsWith('connect') && asked - this.#waitingSince > CONNECTED_MS) this.#reconnect();
      if (status !== 'ready') return;
      await within(PROBE_MS, this.#client.call('eval', PROBE, 1, this.#probeKey), timedOut);
      this.#waitingSince = performance.now();
      if (this.#waitingSince - asked <= this.deadlineMs) this.#rose();
      else this.#fell('timeout');
    } catch (error) {
      const { reason } = redisFaultOf(error);
      this.#fell(reason);
      if (reason === 'timeout') this.#reconnect();
    } finally {
      this.#probing = false;
      this.#schedule();
    }
  }

  #reconnect(): void {
    this.#waitingSince = performance.now();
    this.#client?.disconnect(true);
  }
}

const timedOut = (): RedisFault => new RedisFault('timeout');
