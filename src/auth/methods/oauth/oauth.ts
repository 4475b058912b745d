/** The `oauth` method: checks a bearer token at the authorization server (RFC 7662). */
import type { IncomingMessage } from 'node:http';
import { Strategy } from 'passport-strategy';
import { noteCacheState } from '../../../http/request-state.js';
import { redisOptionsOf } from '../../../redis/options.js';
import { hasAudience, introspectionFault } from '../../../tokens/introspection-claims.js';
import { anchorsPem, readAnchors } from '../../../certificates/trust-anchors.js';
import { IntrospectionUnavailableError, type IntrospectionAnswer } from '../../../tokens/introspection-request.js';
import { Introspection } from '../../../tokens/introspection.js';
import { isPlainNumber } from '../../../tokens/number-spelling.js';
import { subjectRules } from '../../../tokens/subject.js';
import { SharedIntrospections } from '../../../tokens/shared-introspections.js';
import { readOffer, type Place } from '../../credentials.js';
import { FailureBudget } from '../../failure-budget.js';
import { headerRules } from '../../header-rule.js';
import { copyOf, type Identity } from '../../identity.js';
import type { Method, MethodDeps, MethodStrategy } from '../../method.js';
import { FailInfo, UnavailableError } from '../../outcome.js';
import type { Challenge, ReasonCode, Rejected } from '../../verdict.js';
import { NEVER_ASKED, NOT_ASKED } from './aside.js';
import { describeIntrospection } from './describe.js';
import { findingsOf, whomToAsk } from './findings.js';
import { identityOf } from './identity.js';
import { oauthNarrowing, oauthOptions, type OauthNarrowing, type OauthOptions } from './options.js';
import { impossibleClaims, missingOf } from '../required-claims.js';
import { subjectWords } from '../token-subject.js';
import { throttleSummary } from '../throttle-option.js';
import { challengeScheme, headerPlace } from '../token-place.js';

export type { OauthOptions } from './options.js';

/** The `b64token` of RFC 6750 §2.1. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
/** An outage is logged once per interval, not once per request. */
const LOG_EVERY_MS = 10_000;

function placesOf(options: OauthOptions): readonly Place[] {
  return [headerPlace(options), { in: 'subprotocol', name: 'bearer' }];
}

function challengeOf(options: OauthOptions): Challenge {
  return { scheme: challengeScheme(options), params: options.realm === undefined ? {} : { realm: options.realm } };
}

type Outcome = Identity | Rejected;
type ActiveAnswer = IntrospectionAnswer & { readonly kind: 'active' };

/** A valid token that is not allowed here is not a guess. */
const isFailure = (outcome: Outcome): boolean => 'status' in outcome && outcome.status === 401;

class OauthStrategy extends Strategy implements MethodStrategy {
  readonly name = 'oauth';
  readonly ready: Promise<void>;
  private readonly introspection: Introspection;
  private readonly shared: SharedIntrospections | undefined;
  private readonly places: readonly Place[];
  private readonly challenge: Challenge;
  private readonly budget: FailureBudget;
  /** The strategy that serves requests, for an explanation. Its cached answers are read. */
  private readonly live: OauthStrategy | undefined;
  private readonly logged = { at: -Infinity };

  constructor(
    private readonly options: OauthOptions,
    private readonly deps: MethodDeps,
  ) {
    super();
    this.places = placesOf(options);
    this.challenge = challengeOf(options);
    // The shared cache would keep the answer for the gateways that use it.
    this.shared = deps.aside ? undefined : sharedBy(options, deps);
    this.live = deps.aside?.live instanceof OauthStrategy ? deps.aside.live : undefined;
    this.introspection = new Introspection({
      shared: this.shared,
      url: deps.aside?.online === false ? NEVER_ASKED : options.introspection_url,
      issuer: options.issuer,
      clientId: options.client_id,
      clientSecret: options.client_secret,
      authMethod: options.auth_method,
      timeoutMs: options.timeout,
      allowInsecureHttp: options.allow_insecure_http,
      ca: options.ca === undefined ? undefined : anchorsPem(readAnchors(options.ca), 'servers'),
      cacheTtlMs: options.cache_ttl,
      cacheSize: options.cache_size,
      now: deps.now,
      report: (fault) =>
        deps.log.warn({ method: 'oauth', fault: fault.message }, 'introspection endpoint not discovered'),
      looked: (outcome) => deps.metrics?.count('loom_introspections_total', { method: 'oauth', outcome }),
      called: (seconds) => deps.metrics?.time('loom_introspection_seconds', { method: 'oauth' }, seconds),
    });
    this.budget = new FailureBudget('oauth', options.throttle, deps);
    this.ready = Promise.all([this.introspection.ready, this.shared?.ready]).then(() => undefined);
  }

  override authenticate(request: IncomingMessage): void {
    const offer = readOffer(request, this.places);
    if (offer.kind === 'none') return this.fail(new FailInfo({ kind: 'absent', challenges: [this.challenge] }), 401);
    if (offer.kind === 'many') return this.reject(this.rejected('credential_duplicate'));
    if (offer.kind === 'malformed') return this.reject(this.rejected('token_malformed'));
    const token = offer.value;
    if (token.length > this.options.max_token_size) return this.reject(this.rejected('token_too_large', token));
    if (!B64TOKEN.test(token)) return this.reject(this.rejected('token_malformed', token));
    const known = this.known(token);
    noteCacheState(request, known ? 'hit' : 'miss');
    if (known) return this.settle(this.outcomeOf(token, known));
    if (this.deps.aside?.online === false) return this.error(new UnavailableError(NOT_ASKED));
    this.ask(request, token)
      // `error` must not throw. An exception of `settle` is a bug and reaches the runner as a bug.
      .then((outcome) => this.settle(outcome))
      .catch((cause: unknown) => this.error(this.failure(cause)));
  }

  /**
   * Asks within the failure budget. A request that joins an open request needs no budget, so many requests of a page
   * with one expired token count as one guess.
   */
  private ask(request: IncomingMessage, token: string): Promise<Outcome> {
    const work = async (): Promise<Outcome> => this.outcomeOf(token, await this.introspection.ask(token));
    return this.introspection.asks(token) ? work() : this.budget.run({ request, work, isFailure });
  }

  private known(token: string): IntrospectionAnswer | undefined {
    return this.live?.introspection.peek(token) ?? this.introspection.remembered(token);
  }

  describe(request: IncomingMessage, reason: ReasonCode): string | undefined {
    const offer = readOffer(request, this.places);
    if (offer.kind !== 'one') return undefined;
    const answer = this.known(offer.value);
    const response = answer?.kind === 'active' ? answer.response : undefined;
    return describeIntrospection(reason, { token: offer.value, response, options: this.options, now: this.deps.now() });
  }

  close(): Promise<void> {
    this.introspection.close();
    return this.shared?.close() ?? Promise.resolve();
  }

  private outcomeOf(token: string, answer: IntrospectionAnswer): Outcome {
    return answer.kind === 'active' ? this.judge(token, answer) : this.rejected('token_inactive', token);
  }

  private settle(outcome: Outcome): void {
    if ('method' in outcome) return this.success(copyOf(outcome));
    this.reject(outcome);
  }

  private judge(token: string, { response, oddNumbers: odd = [] }: ActiveAnswer): Outcome {
    const { issuer, audience, ignore_cnf: ignoreCnf, required_scopes, subject_claim } = this.options;
    const fault = introspectionFault(response, {
      now: this.deps.now() / 1_000,
      issuer,
      // RFC 7662 §2.2: `iss` is optional. With an `introspection_url`, `issuer` has no other purpose.
      requireIss: this.options.require_iss ?? this.options.introspection_url !== undefined,
      audience,
      ignoreCnf,
      subject: subjectRules(subject_claim),
      isPlainNumber: (path) => isPlainNumber(response, { path, odd }),
    });
    if (fault !== undefined) return this.rejected(fault, token);
    const identity = identityOf(response, this.options);
    const missing = missingOf(identity, { required_scopes });
    return missing === undefined ? identity : this.rejected(missing, token);
  }

  private rejected(reason: ReasonCode, credential?: string): Rejected {
    const { status, params } = this.words(reason);
    const challenges = [{ ...this.challenge, params: { ...this.challenge.params, ...params } }];
    const rejected: Rejected = { kind: 'rejected', status, reason, challenges };
    return credential === undefined ? rejected : { ...rejected, credential };
  }

  /** The status and parameters of RFC 6750 §3.1. */
  private words(reason: ReasonCode): { status: 400 | 401 | 403; params: Record<string, string> } {
    if (reason === 'credential_duplicate') return { status: 400, params: { error: 'invalid_request' } };
    if (reason !== 'insufficient_scope') return { status: 401, params: { error: 'invalid_token' } };
    const scope = (this.options.required_scopes ?? []).join(' ');
    return { status: 403, params: { error: 'insufficient_scope', scope } };
  }

  private reject(verdict: Rejected): void {
    this.fail(new FailInfo(verdict), verdict.status);
  }

  private failure(cause: unknown): Error {
    if (cause instanceof UnavailableError) return cause;
    if (!(cause instanceof IntrospectionUnavailableError)) {
      return cause instanceof Error ? cause : new Error('introspection failed');
    }
    const now = this.deps.now();
    if (now - this.logged.at >= LOG_EVERY_MS) {
      this.logged.at = now;
      this.deps.log.warn({ method: 'oauth', fault: cause.message }, 'introspection unavailable');
    }
    const wait = cause.retryAfter === undefined ? {} : { retryAfter: cause.retryAfter };
    const reason = 'introspection_unavailable';
    return new UnavailableError({ kind: 'unavailable', reason, cause, ...wait });
  }
}

function sharedBy({ distributed }: OauthOptions, { now, log }: MethodDeps): SharedIntrospections | undefined {
  if (!distributed) return undefined;
  const redis = redisOptionsOf(distributed, distributed.ca);
  if (!redis) throw new TypeError('oauth.distributed has no address');
  return new SharedIntrospections({ method: 'oauth', redis, secret: distributed.secret, now, log });
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

export const oauth: Method<OauthOptions> = {
  name: 'oauth',
  title: 'OAuth 2.0 token introspection',
  ambient: false,
  claims: true,
  certificate: false,
  values: 'sent',
  options: oauthOptions,
  narrowing: oauthNarrowing,
  files: { ca_file: 'ca' },
  findings: findingsOf,
  unknownNames: ({ issuer }, narrowing) =>
    impossibleClaims(
      narrowing.required_claims as OauthNarrowing['required_claims'],
      issuer === undefined ? undefined : [issuer],
    ),
  places: placesOf,
  headers: ({ claims_to_headers }) => headerRules(claims_to_headers),
  forwardsCredential: ({ forward_credentials }) => forward_credentials,
  challenge: challengeOf,
  longestCredential: ({ max_token_size }) => max_token_size,
  summary: (options) => [
    ['introspection', whomToAsk(options)],
    ['audience', options.audience?.join(', ') ?? 'ANY AUDIENCE'],
    ['subject', subjectWords(options)],
    ...(options.issuer === undefined ? [] : [['issuer', options.issuer] as const]),
    ...(options.required_scopes === undefined ? [] : [['scopes', options.required_scopes.join(' ')] as const]),
    ...(options.distributed ? [['cache', 'shared in Redis, sealed'] as const] : []),
    ...throttleSummary(options.throttle, 'from one address'),
  ],
  voucher: (options) => options,
  judge: ({ audience, ...demands }, identity) => {
    const wanted = audience === undefined ? undefined : (listOf(audience) as readonly string[]);
    return wanted && !hasAudience(identity.claims, wanted) ? 'token_audience' : missingOf(identity, demands);
  },
  compile: (options, deps) => new OauthStrategy(options, deps),
};
