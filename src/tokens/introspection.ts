/** Introspects opaque tokens and caches the raw answers. Each route checks the answer again on each request. */
import { Breaker, type BreakerPlan, type BreakerCall } from '../lib/circuit-breaker.js';
import { ProcessDigest } from '../lib/digest.js';
import type { FetchJson } from '../lib/fetch-json.js';
import { SingleFlight } from '../lib/single-flight.js';
import type { MaybePromise } from '../lib/types.js';
import { ExpiringCache } from './introspection-cache.js';
import { isExpired } from './introspection-claims.js';
import { DiscoveredEndpoint } from './introspection-endpoint.js';
import { GateClosedError, WorkGate } from '../lib/work-gate.js';
import type { DatedAnswer } from './sealed-answers.js';
import {
  introspect,
  IntrospectionUnavailableError,
  type IntrospectionAnswer,
  type IntrospectionClient,
} from './introspection-request.js';

export interface IntrospectionOptions extends IntrospectionClient {
  /** The endpoint. Without it, the endpoint is discovered from the issuer. */
  readonly url?: string | undefined;
  readonly issuer?: string | undefined;
  readonly cacheTtlMs: number;
  readonly cacheSize: number;
  /** Concurrent introspections. Default: 64. */
  readonly concurrency?: number;
  /** The cache of answers that instances share. */
  readonly shared?: SharedAnswers | undefined;
  /** Called for each failed round of discovery. */
  report(fault: Error): void;
  /** Called with the source of each answer, and for each failure. */
  readonly looked?: ((outcome: IntrospectionOutcome) => void) | undefined;
  /** Called with the duration of each call. */
  readonly called?: ((seconds: number) => void) | undefined;
}

/** A shared store of answers. It never fails and never takes long. */
export interface SharedAnswers {
  get(question: readonly string[]): Promise<DatedAnswer | undefined>;
  put(question: readonly string[], dated: DatedAnswer): void;
}

/** `cached`: from this instance. `shared`: from another instance. The others are results of a call. */
export type IntrospectionOutcome = 'cached' | 'shared' | 'active' | 'inactive' | 'unavailable';

const NEGATIVE_TTL_MS = 10_000;
const CACHE_BYTES = 64 * 1_048_576;
const CONCURRENCY = 64;
const WAITING = 4_096;
/**
 * After five silences in a row one request at a time asks: a single token that stops the server must not keep the other
 * callers out. A call has a deadline of its own, so a slow probe keeps its place.
 */
const BREAKER: BreakerPlan = {
  failureThreshold: 5,
  successThreshold: 1,
  timeoutMs: 1_000,
  longestTimeoutMs: 5_000,
  probeMs: Infinity,
};

export class Introspection {
  readonly ready: Promise<void>;
  /** Negative answers have their own cache: forged tokens must not evict valid ones. */
  private readonly active: ExpiringCache<IntrospectionAnswer>;
  private readonly refused: ExpiringCache<IntrospectionAnswer>;
  private readonly flights = new SingleFlight<IntrospectionAnswer>();
  private readonly digest = new ProcessDigest();
  private readonly gate: WorkGate;
  private readonly breaker: Breaker;
  private readonly discovered: DiscoveredEndpoint | undefined;

  constructor(private readonly options: IntrospectionOptions) {
    const limits = { entries: options.cacheSize, bytes: CACHE_BYTES };
    this.active = new ExpiringCache(limits, options.now);
    this.refused = new ExpiringCache(limits, options.now);
    this.breaker = new Breaker(BREAKER, { now: options.now });
    this.gate = new WorkGate({
      running: options.concurrency ?? CONCURRENCY,
      waiting: WAITING,
      waitMs: options.timeoutMs,
    });
    this.discovered = options.url === undefined ? discovery(options) : undefined;
    this.ready = this.discovered?.ready ?? Promise.resolve();
  }

  /** Returns the server's answer about a token, cached or fresh. Fails with an IntrospectionUnavailableError. */
  ask(token: string): MaybePromise<IntrospectionAnswer> {
    const url = this.options.url ?? this.discovered?.url;
    return url === undefined ? this.askOnceDiscovered(token) : this.askAt(url, token);
  }

  /** Returns the cached answer about a token, if there is one. */
  remembered(token: string): IntrospectionAnswer | undefined {
    const url = this.options.url ?? this.discovered?.url;
    return url === undefined ? undefined : this.known({ url, token, key: this.keyOf(url, token) });
  }

  /** As `remembered`, and nothing is refreshed or counted. */
  peek(token: string): IntrospectionAnswer | undefined {
    const url = this.options.url ?? this.discovered?.url;
    if (url === undefined) return undefined;
    const key = this.keyOf(url, token);
    return this.active.peek(key) ?? this.refused.peek(key);
  }

  /** Whether the server is being asked about the token. A request that joins causes no further question. */
  asks(token: string): boolean {
    const url = this.options.url ?? this.discovered?.url;
    return url !== undefined && this.flights.has(this.keyOf(url, token));
  }

  close(): void {
    this.discovered?.close();
    this.active.clear();
    this.refused.clear();
  }

  private async askOnceDiscovered(token: string): Promise<IntrospectionAnswer> {
    const url = await this.discovered?.wait().catch((cause: unknown) => {
      throw new IntrospectionUnavailableError(cause instanceof Error ? cause.message : 'discovery failed');
    });
    return this.askAt(url as string, token);
  }

  private askAt(url: string, token: string): MaybePromise<IntrospectionAnswer> {
    const question = { url, token, key: this.keyOf(url, token) };
    return this.known(question) ?? this.askOnce(question);
  }

  /** `anew`: skip the shared cache, because its answers are as old as the local ones. */
  private askOnce(question: Question, anew = false): Promise<IntrospectionAnswer> {
    return this.flights.run(question.key, async () => {
      const shared = anew ? undefined : await this.options.shared?.get(this.partsOf(question));
      if (!shared) return this.askServer(question);
      this.options.looked?.('shared');
      this.remember(question.key, shared.answer, shared.until);
      return shared.answer;
    });
  }

  /** The key contains the server and the client: the answer of one server is never used for another. */
  private keyOf(url: string, token: string): string {
    return this.digest.of(this.partsOf({ url, token }));
  }

  private partsOf({ url, token }: Pick<Question, 'url' | 'token'>): readonly string[] {
    return [url, this.options.clientId, token];
  }

  private known(question: Question): IntrospectionAnswer | undefined {
    const { key } = question;
    const answer = this.active.get(key) ?? this.refused.get(key);
    if (!answer) return undefined;
    this.options.looked?.('cached');
    // The result is for the next request. Until then, and through an outage, the cached answer is used.
    if (this.active.takeRefresh(key)) void this.askOnce(question, true).catch(() => undefined);
    return answer;
  }

  private async askServer(question: Question): Promise<IntrospectionAnswer> {
    const answer = await this.gate
      .run(() => this.call(question))
      .catch((cause: unknown) => {
        this.options.looked?.('unavailable');
        throw unavailable(cause);
      });
    this.options.looked?.(answer.kind);
    const until = this.remember(question.key, answer);
    this.options.shared?.put(this.partsOf(question), { answer, until });
    return answer;
  }

  private async call({ url, token }: Question): Promise<IntrospectionAnswer> {
    const { waitMs } = this.breaker;
    if (waitMs > 0) {
      const words = 'introspection: the server has not answered recently';
      throw new IntrospectionUnavailableError(words, Math.ceil(waitMs / 1_000));
    }
    const call = this.breaker.enter();
    const start = performance.now();
    try {
      const answer = await introspect(url, token, this.options);
      this.breaker.succeeded(call);
      return answer;
    } catch (cause) {
      this.settle(call, cause);
      throw cause;
    } finally {
      this.options.called?.((performance.now() - start) / 1_000);
    }
  }

  /** A refusal is an answer. A call that failed in this process neither opens nor closes the circuit. */
  private settle(call: BreakerCall, cause: unknown): void {
    const server = cause instanceof IntrospectionUnavailableError ? cause.server : 'answered';
    if (server === 'silent') this.breaker.failed(call);
    else if (server === 'answered') this.breaker.succeeded(call);
    else this.breaker.leave(call);
  }

  /**
   * Caches until `cache_ttl` or `exp`, whichever comes first. An expired token is cached as inactive. Returns the
   * expiry time.
   */
  private remember(key: string, answer: IntrospectionAnswer, ends = Infinity): number {
    const now = this.options.now();
    const until = Math.min(ends, now + this.options.cacheTtlMs);
    if (answer.kind === 'inactive' || isExpired(answer.response, now / 1_000)) {
      const soon = Math.min(until, now + NEGATIVE_TTL_MS);
      // A revoked token is removed from the cache at once.
      this.active.delete(key);
      this.refused.set(key, answer, soon);
      return soon;
    }
    const { exp } = answer.response;
    const end = typeof exp === 'number' ? Math.min(until, exp * 1_000) : until;
    this.active.set(key, answer, end);
    return end;
  }
}

interface Question {
  readonly url: string;
  readonly token: string;
  readonly key: string;
}

function unavailable(cause: unknown): unknown {
  if (cause instanceof GateClosedError) return new IntrospectionUnavailableError(`introspection: ${cause.message}`);
  return cause;
}

function discovery(options: IntrospectionOptions): DiscoveredEndpoint {
  const { issuer, timeoutMs, allowInsecureHttp, ca } = options;
  if (issuer === undefined) throw new TypeError('introspection needs a "url" or an "issuer"');
  const fetcher: { fetchJson?: FetchJson } = options.fetchJson ? { fetchJson: options.fetchJson } : {};
  return new DiscoveredEndpoint({
    issuer,
    timeoutMs,
    allowInsecureHttp,
    ca,
    report: (...facts) => options.report(...facts),
    ...fetcher,
  });
}
