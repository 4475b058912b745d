/** Asks about opaque tokens and remembers the raw answers; what they mean for a route is judged anew each time. */
import { Breaker, type BreakerPlan, type BreakerCall } from '../lib/circuit-breaker.js';
import { ProcessDigest } from '../lib/digest.js';
import type { FetchJson } from '../lib/fetch-json.js';
import { SingleFlight } from '../lib/single-flight.js';
import type { MaybePromise } from '../lib/types.js';
import { ExpiringCache } from './introspection-cache.js';
import { isExpired } from './introspection-claims.js';
import { DiscoveredEndpoint } from './introspection-endpoint.js';
import { GateClosedError, IntrospectionGate } from './introspection-gate.js';
import type { DatedAnswer } from './sealed-answers.js';
import {
  introspect,
  IntrospectionUnavailableError,
  type IntrospectionAnswer,
  type IntrospectionClient,
} from './introspection-request.js';

export interface IntrospectionOptions extends IntrospectionClient {
  /** The endpoint; without it, it is discovered from the issuer. */
  readonly url?: string | undefined;
  readonly issuer?: string | undefined;
  readonly cacheTtlMs: number;
  readonly cacheSize: number;
  /** Introspections under way at once; default 64. */
  readonly concurrency?: number;
  /** What other instances were told. */
  readonly shared?: SharedAnswers | undefined;
  /** Told of each failed round of discovery. */
  report(fault: Error): void;
  /** Told where each answer came from, and of each that there was none. */
  readonly looked?: ((outcome: IntrospectionOutcome) => void) | undefined;
  /** Told how long each call took. */
  readonly called?: ((seconds: number) => void) | undefined;
}

/** A store of answers beside this one's memory; it never fails and never takes long. */
export interface SharedAnswers {
  get(question: readonly string[]): Promise<DatedAnswer | undefined>;
  put(question: readonly string[], dated: DatedAnswer): void;
}

/** `cached`: remembered here; `shared`: by another instance; the others are what a call came to. */
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
  /** "No" has a cache of its own: made-up tokens must not push the honest ones out. */
  private readonly active: ExpiringCache<IntrospectionAnswer>;
  private readonly refused: ExpiringCache<IntrospectionAnswer>;
  private readonly flights = new SingleFlight<IntrospectionAnswer>();
  private readonly digest = new ProcessDigest();
  private readonly gate: IntrospectionGate;
  private readonly breaker: Breaker;
  private readonly discovered: DiscoveredEndpoint | undefined;

  constructor(private readonly options: IntrospectionOptions) {
    const limits = { entries: options.cacheSize, bytes: CACHE_BYTES };
    this.active = new ExpiringCache(limits, options.now);
    this.refused = new ExpiringCache(limits, options.now);
    this.breaker = new Breaker(BREAKER, { now: options.now });
    this.gate = new IntrospectionGate({
      running: options.concurrency ?? CONCURRENCY,
      waiting: WAITING,
      waitMs: options.timeoutMs,
    });
    this.discovered = options.url === undefined ? discovery(options) : undefined;
    this.ready = this.discovered?.ready ?? Promise.resolve();
  }

  /** The server's answer about a token, remembered or fresh; fails with an IntrospectionUnavailableError. */
  ask(token: string): MaybePromise<IntrospectionAnswer> {
    const url = this.options.url ?? this.discovered?.url;
    return url === undefined ? this.askOnceDiscovered(token) : this.askAt(url, token);
  }

  /** The answer that is remembered of a token, if there is one. */
  remembered(token: string): IntrospectionAnswer | undefined {
    const url = this.options.url ?? this.discovered?.url;
    return url === undefined ? undefined : this.known({ url, token, key: this.keyOf(url, token) });
  }

  /** Whether the server is being asked about the token: whoever joins costs no question. */
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

  /** `anew`: what others were told is as old as what is known here. */
  private askOnce(question: Question, anew = false): Promise<IntrospectionAnswer> {
    return this.flights.run(question.key, async () => {
      const shared = anew ? undefined : await this.options.shared?.get(this.partsOf(question));
      if (!shared) return this.askServer(question);
      this.options.looked?.('shared');
      this.remember(question.key, shared.answer, shared.until);
      return shared.answer;
    });
  }

  /** The key holds who was asked and by whom: one server's "yes" is never another's. */
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
    // What comes of it is the next one's; until then, and through an outage, the answer at hand is good.
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
      const words = 'introspection: the server has not answered of late';
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

  /** Until `cache_ttl` or `exp`, whichever comes first; a token that is over stays so and counts as a "no". Returns the end. */
  private remember(key: string, answer: IntrospectionAnswer, ends = Infinity): number {
    const now = this.options.now();
    const until = Math.min(ends, now + this.options.cacheTtlMs);
    if (answer.kind === 'inactive' || isExpired(answer.response, now / 1_000)) {
      const soon = Math.min(until, now + NEGATIVE_TTL_MS);
      // A token that was revoked meanwhile is over at once, whatever was remembered of it.
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
  const { issuer, timeoutMs, allowInsecureHttp } = options;
  if (issuer === undefined) throw new TypeError('introspection needs a url or an issuer');
  const fetcher: { fetchJson?: FetchJson } = options.fetchJson ? { fetchJson: options.fetchJson } : {};
  return new DiscoveredEndpoint({
    issuer,
    timeoutMs,
    allowInsecureHttp,
    report: (...facts) => options.report(...facts),
    ...fetcher,
  });
}
