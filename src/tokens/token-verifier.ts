/** Verifies signed tokens of one or several issuers, and caches the verified ones. */
import { unambiguousClaimAt } from '../lib/claim-path.js';
import type { MaybePromise, Now } from '../lib/types.js';
import { fitsLength, isAlgorithm, verifySignature } from './algorithms.js';
import type { Algorithm } from './algorithms.js';
import { claimFault, timeFault } from './claims.js';
import type { ClaimFault, ClaimRules } from './claims.js';
import { ExpiringCache } from './introspection-cache.js';
import { isForeign, parseJws } from './jws.js';
import type { Claims, Jws } from './jws.js';
import { keyId } from './key-source.js';
import type { KeyAnswer, KeySource } from './key-source.js';

/** The rules for the tokens of one issuer, or of one of its sources of keys. */
export interface TokenPolicy extends ClaimRules {
  /** The exact `iss`. Without it the `iss` is not checked. Policies with one `issuer` share no algorithm. */
  readonly issuer?: string | undefined;
  readonly algorithms: readonly Algorithm[];
  readonly keys: KeySource;
  /** The greatest length of a token in bytes. */
  readonly maxTokenSize: number;
  /** Claims that are part of the issuer's name, by name or path: each must be exactly this string. */
  readonly issuerClaims?: Readonly<Record<string, string>> | undefined;
}

export type TokenFault =
  ClaimFault | 'token_issuer' | 'token_malformed' | 'token_too_large' | 'token_signature' | 'token_unknown_key';

export type Verification<P extends TokenPolicy = TokenPolicy> =
  | { readonly kind: 'verified'; readonly claims: Claims; readonly policy: P }
  /** The credential is not a signed token. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'unlisted_issuer' }
  | { readonly kind: 'rejected'; readonly reason: TokenFault }
  | { readonly kind: 'unavailable'; readonly cause: Error };

interface Remembered {
  readonly claims: Claims;
  /** The index of the policy in the list. */
  readonly policy: number;
  readonly keyId: string;
}

/** The token, and the index of the policy that it is checked by. */
interface Place {
  readonly token: string;
  readonly index: number;
}

type SignedToken = Jws & { readonly alg: Algorithm };

interface Options {
  readonly now: Now;
}

const ENTRIES = 10_000;
const BYTES = 32 * 1_048_576;
/** V8 hashes a longer text by its length alone, so a look-up among many of them would compare each one. */
const LONGEST_CACHED = 16_000;
/** How long a token without `exp` is cached. */
const ENDLESS_MS = 300_000;

export class TokenVerifier<P extends TokenPolicy> {
  readonly ready: Promise<void>;
  private readonly byIssuer: ReadonlyMap<string | undefined, readonly number[]>;
  private readonly maxTokenSize: number;
  private readonly verified: ExpiringCache<Remembered>;
  /** Whether the last call of `verify` found the token in the cache. */
  remembered = false;

  constructor(
    private readonly policies: readonly P[],
    private readonly options: Options,
  ) {
    this.byIssuer = indexesByIssuer(policies);
    this.maxTokenSize = Math.max(0, ...policies.map(({ maxTokenSize }) => maxTokenSize));
    this.verified = new ExpiringCache({ entries: ENTRIES, bytes: BYTES }, options.now);
    this.ready = Promise.all(policies.map(({ keys }) => keys.ready)).then(() => undefined);
  }

  verify(token: string): MaybePromise<Verification<P>> {
    // The limit is that of signed tokens. Another auth method has its own limit.
    this.remembered = false;
    if (token.length > this.maxTokenSize) return isForeign(token) ? { kind: 'foreign' } : rejected('token_too_large');
    // The key is the whole token, and a look-up compares all of it. The signature alone would accept another payload.
    const remembered = this.verified.get(token);
    this.remembered = remembered !== undefined && this.policyAt(remembered.policy).keys.holds(remembered.keyId);
    if (remembered && this.remembered) return this.timed(remembered);
    const parsed = parseJws(token);
    if (parsed.kind === 'malformed') return rejected('token_malformed');
    if (parsed.kind === 'foreign') return { kind: 'foreign' };
    const { jws } = parsed;
    const indexes = this.byIssuer.get(undefined) ?? this.indexesOf(jws);
    if (indexes === undefined) return { kind: 'unlisted_issuer' };
    // Check before a key is looked up: an impossible signature must not cause a fetch of keys.
    const { alg, signature } = jws;
    if (!isAlgorithm(alg) || !fitsLength(alg, signature.length)) return rejected('token_signature');
    const index = indexes.find((each) => this.policyAt(each).algorithms.includes(alg));
    if (index === undefined) return rejected('token_signature');
    if (token.length > this.policyAt(index).maxTokenSize) return rejected('token_too_large');
    return this.check({ ...jws, alg }, { token, index });
  }

  close(): void {
    for (const { keys } of this.policies) keys.close();
    this.verified.clear();
  }

  private indexesOf({ claims: { iss } }: Jws): readonly number[] | undefined {
    return typeof iss === 'string' ? this.byIssuer.get(iss) : undefined;
  }

  private policyAt(index: number): P {
    return this.policies[index] as P;
  }

  private check(jws: SignedToken, place: Place): MaybePromise<Verification<P>> {
    const { keys } = this.policyAt(place.index);
    const { alg, kid, claims } = jws;
    const query = { kid, alg, issuer: typeof claims['iss'] === 'string' ? claims['iss'] : undefined };
    const found = keys.find(query);
    const judged = (answer: KeyAnswer) => this.judge(jws, answer, place);
    // Keys that had to be awaited are new.
    if (found instanceof Promise) return found.then(judged);
    const first = judged(found);
    // A set asks by itself where it has no candidate. Where keys without the name of the token's key were candidates,
    // only the failed signature shows that a key is missing.
    const missesKey = found.kind === 'keys' && !found.named && first.kind === 'rejected';
    if (!keys.again || !missesKey || first.reason !== 'token_signature') return first;
    return keys.again(query).then((answer) => (answer.kind === 'unknown' ? first : judged(answer)));
  }

  /** Check the signature first: the answer to a forged token must not depend on its claims. */
  private judge(jws: SignedToken, answer: KeyAnswer, { token, index }: Place): Verification<P> {
    if (answer.kind === 'unavailable') return answer;
    if (answer.kind === 'unknown') return rejected('token_unknown_key');
    const signer = answer.keys.find(({ key }) => verifySignature(jws.alg, key, jws));
    if (!signer) return rejected('token_signature');
    const policy = this.policyAt(index);
    const fault = claimFault(jws, policy) ?? issuerClaimFault(jws.claims, policy);
    if (fault !== undefined) return rejected(fault);
    const remembered = { claims: jws.claims, policy: index, keyId: keyId(signer) };
    const outcome = this.timed(remembered);
    if (outcome.kind === 'verified') this.remember(token, remembered);
    return outcome;
  }

  private timed({ claims, policy: index }: Remembered): Verification<P> {
    const policy = this.policyAt(index);
    const fault = timeFault(claims, policy, this.options.now());
    return fault === undefined ? { kind: 'verified', claims, policy } : rejected(fault);
  }

  private remember(token: string, entry: Remembered): void {
    if (token.length > LONGEST_CACHED) return;
    const { exp } = entry.claims;
    this.verified.set(token, entry, typeof exp === 'number' ? exp * 1_000 : this.options.now() + ENDLESS_MS);
  }
}

/** A claim that is a list has several readings, and another reader could choose another tenant. */
function issuerClaimFault(claims: Claims, { issuerClaims = {} }: TokenPolicy): TokenFault | undefined {
  const differs = Object.entries(issuerClaims).some(([path, value]) => unambiguousClaimAt(claims, path) !== value);
  return differs ? 'token_issuer' : undefined;
}

function indexesByIssuer(policies: readonly TokenPolicy[]): ReadonlyMap<string | undefined, readonly number[]> {
  const indexes = new Map<string | undefined, number[]>();
  for (const [index, { issuer }] of policies.entries()) indexes.set(issuer, [...(indexes.get(issuer) ?? []), index]);
  return indexes;
}

function rejected(reason: TokenFault): { kind: 'rejected'; reason: TokenFault } {
  return { kind: 'rejected', reason };
}
