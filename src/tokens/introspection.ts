/** Asks about opaque tokens and remembers the raw answers; what they mean for a route is judged anew each time. */
import { ProcessDigest } from '../lib/digest.js';
import type { FetchJson } from '../lib/fetch-json.js';
import { SingleFlight } from '../lib/single-flight.js';
import type { MaybePromise } from '../lib/types.js';
import { ExpiringCache } from './introspection-cache.js';
import { isExpired } from './introspection-claims.js';
import { DiscoveredEndpoint } from './introspection-endpoint.js';
import { GateClosedError, IntrospectionGate } from './introspection-gate.js';
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
  /** Told of each failed round of discovery. */
  report(fault: Error): void;
}

const NEGATIVE_TTL_MS = 10_000;
const CACHE_BYTES = 64 * 1_048_576;
const CONCURRENCY = 64;
const WAITING = 4_096;

export class Introspection {
  readonly ready: Promise<void>;
  /** "No" has a cache of its own: made-up tokens must not push the honest ones out. */
  private readonly active: ExpiringCache<IntrospectionAnswer>;
  private readonly refused: ExpiringCache<IntrospectionAnswer>;
  private readonly flights = new SingleFlight<IntrospectionAnswer>();
  private readonly digest = new ProcessDigest();
  private readonly gate: IntrospectionGate;
  private readonly discovered: DiscoveredEndpoint | undefined;

  constructor(private readonly options: IntrospectionOptions) {
    const limits = { entries: options.cacheSize, bytes: CACHE_BYTES };
    this.active = new ExpiringCache(limits, options.now);
    this.refused = new ExpiringCache(limits, options.now);
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
    return url === undefined ? undefined : this.known(this.keyOf(url, token));
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
    const key = this.keyOf(url, token);
    return this.known(key) ?? this.flights.run(key, () => this.askServer({ url, token, key }));
  }

  /** The key holds who was asked and by whom: one server's "yes" is never another's. */
  private keyOf(url: string, token: string): string {
    return this.digest.of([url, this.options.clientId, token]);
  }

  private known(key: string): IntrospectionAnswer | undefined {
    return this.active.get(key) ?? this.refused.get(key);
  }

  private async askServer({
    url,
    token,
    key,
  }: {
    url: string;
    token: string;
    key: string;
  }): Promise<IntrospectionAnswer> {
    const answer = await this.gate
      .run(() => introspect(url, token, this.options))
      .catch((cause: unknown) => {
        throw cause instanceof GateClosedError
          ? new IntrospectionUnavailableError(`introspection: ${cause.message}`)
          : cause;
      });
    this.remember(key, answer);
    return answer;
  }

  /** Until `cache_ttl` or `exp`, whichever comes first; a token that is over stays so and counts as a "no". */
  private remember(key: string, answer: IntrospectionAnswer): void {
    const now = this.options.now();
    const until = now + this.options.cacheTtlMs;
    if (answer.kind === 'inactive' || isExpired(answer.response, now / 1_000)) {
      return this.refused.set(key, answer, Math.min(until, now + NEGATIVE_TTL_MS));
    }
    const { exp } = answer.response;
    this.active.set(key, answer, typeof exp === 'number' ? Math.min(until, exp * 1_000) : until);
  }
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
