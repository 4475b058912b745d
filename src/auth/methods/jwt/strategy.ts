/** The strategy of `jwt`: it inherits from passport-jwt, but Loom reads and verifies the tokens. */
import type { IncomingMessage } from 'node:http';
import { Strategy } from 'passport-jwt';
import { noteCacheState } from '../../../http/request-state.js';
import { subjectRules } from '../../../tokens/subject.js';
import { TokenVerifier } from '../../../tokens/token-verifier.js';
import type { Claims } from '../../../tokens/jws.js';
import type { KeySetStatus, KeySource } from '../../../tokens/key-source.js';
import type { Verification } from '../../../tokens/token-verifier.js';
import { readOffer, type Place } from '../../credentials.js';
import type { MethodDeps, MethodStrategy } from '../../method.js';
import { reportVerdict } from '../../outcome.js';
import { grant, type Offering } from '../../strategy-runner.js';
import type { Absent, Challenge, Granted, ReasonCode, Rejected, Verdict } from '../../verdict.js';
import type { MaybePromise, Now } from '../../../lib/types.js';
import { describeToken, type IssuerPolicy } from './describe.js';
import { entriesOf, exactIssuers } from './issuers.js';
import type { JwtIssuer } from './issuers.js';
import { keysIn, keySourceOf, sourceNameOf } from './keys.js';
import { missingOf } from '../required-claims.js';
import { identityOf } from './narrowing.js';
import type { JwtOptions } from './options.js';

export function compileJwt(options: JwtOptions, offering: Offering, deps: MethodDeps): MethodStrategy {
  return new JwtStrategy(options, offering, deps);
}

/** The issuers of a template share one source of keys. */
function policiesOf(entry: JwtIssuer, keys: KeySource): readonly IssuerPolicy[] {
  // Issuers of a template are named by the entry.
  const source = sourceNameOf(entry);
  return exactIssuers(entry).map((issuer) => ({ ...policyOf(issuer, keys), source }));
}

function policyOf(from: JwtIssuer, keys: KeySource): IssuerPolicy {
  return {
    from,
    issuer: from.issuer,
    audience: from.audience,
    algorithms: from.algorithms,
    keys,
    maxTokenSize: from.max_token_size,
    issuerClaims: from.issuer_claims,
    leeway: from.leeway,
    requireExp: from.require_exp,
    maxAge: from.max_age,
    tokenType: from.token_type,
    ignoreCnf: from.ignore_cnf,
    subject: subjectRules(from.subject_claim),
  };
}

/** Options that passport-jwt requires and never calls, because Loom replaces `authenticate`. */
const UNUSED = {
  jwtFromRequest: () => null,
  secretOrKeyProvider: () => undefined,
};

class JwtStrategy extends Strategy implements MethodStrategy {
  override readonly name = 'jwt';
  readonly ready: Promise<void>;
  private readonly verifier: TokenVerifier<IssuerPolicy>;
  private readonly places: readonly Place[];
  private readonly policies: readonly IssuerPolicy[];
  /** One source for each entry of the file. */
  private readonly sources: readonly KeySource[];
  private readonly now: Now;
  private readonly challenge: Challenge;
  private readonly absent: Absent;
  /** The verdict on a cached token, by its claims. A cached token has one object of claims and one policy. */
  private readonly granted = new WeakMap<Claims, Granted>();

  constructor(
    private readonly options: JwtOptions,
    { places, challenge }: Offering,
    deps: MethodDeps,
  ) {
    super(UNUSED, () => undefined);
    this.places = places;
    this.challenge = challenge;
    this.absent = { kind: 'absent', challenges: [this.challenge] };
    this.now = deps.now;
    const entries = entriesOf(options);
    const loaded = deps.aside?.live instanceof JwtStrategy ? deps.aside.live.sources : [];
    this.sources = entries.map((entry, at) => keySourceOf(entry, deps, loaded[at]));
    this.policies = entries.flatMap((entry, at) => policiesOf(entry, this.sources[at] as KeySource));
    this.verifier = new TokenVerifier(this.policies, { now: deps.now });
    this.ready = this.verifier.ready;
  }

  override authenticate(request: IncomingMessage): void {
    reportVerdict(this, this.decide(request));
  }

  decide(request: IncomingMessage): MaybePromise<Verdict> {
    const offer = readOffer(request, this.places);
    switch (offer.kind) {
      case 'none':
        return this.absent;
      case 'many':
        return this.rejected('credential_duplicate');
      case 'malformed':
        return this.rejected('token_malformed');
      case 'one': {
        const token = offer.value;
        const verification = this.verifier.verify(token);
        noteCacheState(request, this.verifier.remembered ? 'hit' : 'miss');
        return verification instanceof Promise
          ? verification.then((late) => this.settle(token, late))
          : this.settle(token, verification);
      }
    }
  }

  describe(request: IncomingMessage, reason: ReasonCode): string | undefined {
    const offer = readOffer(request, this.places);
    if (offer.kind !== 'one') return undefined;
    return describeToken({ token: offer.value, reason, policies: this.policies, now: this.now() });
  }

  keySets(): readonly KeySetStatus[] {
    // The issuers of a template share one source.
    const policies = new Map(this.policies.map((policy) => [policy.keys, policy]));
    return [...policies.values()].map(({ keys, from }) => ({
      issuer: from.issuer ?? from.name ?? 'any issuer',
      source: keysIn(from),
      ...(keys.status?.() ?? { keys: [] }),
    }));
  }

  loadedKeys(source: string): KeySource | undefined {
    return this.policies.find((each) => each.source === source)?.keys;
  }

  close(): Promise<void> {
    this.verifier.close();
    return Promise.resolve();
  }

  private settle(token: string, verification: Verification<IssuerPolicy>): Verdict {
    switch (verification.kind) {
      case 'verified':
        return this.granted.get(verification.claims) ?? this.admit(token, verification);
      case 'foreign':
        return this.absent;
      case 'unlisted_issuer':
        return this.options.unknown_issuer === 'absent' ? this.absent : this.rejected('token_issuer', token);
      case 'rejected':
        return this.rejected(verification.reason, token);
      case 'unavailable':
        return { kind: 'unavailable', reason: 'key_set_unavailable', cause: verification.cause };
    }
  }

  private admit(token: string, { claims, policy }: Verification<IssuerPolicy> & { kind: 'verified' }): Verdict {
    const identity = identityOf(claims, policy.from);
    const reason = missingOf(identity, policy.from);
    if (reason !== undefined) return this.forbidden(reason, { token, issuer: policy.from });
    const verdict = grant(identity);
    if (verdict.kind === 'granted') this.granted.set(claims, verdict);
    return verdict;
  }

  /** The status and challenge of RFC 6750 §3.1. */
  private rejected(reason: ReasonCode, token?: string): Rejected {
    const twice = reason === 'credential_duplicate';
    const params = { ...this.challenge.params, error: twice ? 'invalid_request' : 'invalid_token' };
    const challenges = [{ ...this.challenge, params }];
    const credential = token === undefined ? {} : { credential: token };
    return { kind: 'rejected', status: twice ? 400 : 401, reason, challenges, ...credential };
  }

  private forbidden(reason: ReasonCode, { token, issuer }: { token: string; issuer: JwtIssuer }): Rejected {
    const params = { ...this.challenge.params, error: reason, scope: issuer.required_scopes.join(' ') };
    const challenges = reason === 'insufficient_scope' ? [{ ...this.challenge, params }] : [];
    return { kind: 'rejected', status: 403, reason, challenges, credential: token };
  }
}
