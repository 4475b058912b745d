/** Verifies signed tokens of one or several issuers, and caches the verified ones. */
import { hash } from 'node:crypto';
import type { MaybePromise, Now } from '../lib/types.js';
import { fitsLength, isAlgorithm, verifySignature } from './algorithms.js';
import type { Algorithm } from './algorithms.js';
import { claimFault, timeFault } from './claims.js';
import type { ClaimFault, ClaimRules } from './claims.js';
import { ExpiringCache } from './introspection-cache.js';
import { parseJws } from './jws.js';
import type { Claims, Jws } from './jws.js';
import type { KeyAnswer, KeySource } from './key-source.js';

/** The rules for the tokens of one issuer. */
export interface TokenPolicy extends ClaimRules {
  /** The exact `iss`. Without it the `iss` is not checked. */
  readonly issuer?: string | undefined;
  readonly algorithms: readonly Algorithm[];
  readonly keys: KeySource;
}

export type TokenFault = ClaimFault | 'token_malformed' | 'token_signature' | 'token_unknown_key';

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
  readonly thumbprint: string;
}

interface Options {
  readonly now: Now;
  /** All policies as one text, so that verifiers with other policies never share a cache entry. */
  readonly digest: string;
}

const ENTRIES = 10_000;
const BYTES = 32 * 1_048_576;
/** How long a token without `exp` is cached. */
const ENDLESS_MS = 300_000;

export class TokenVerifier<P extends TokenPolicy> {
  readonly ready: Promise<void>;
  private readonly byIssuer: ReadonlyMap<string | undefined, number>;
  private readonly verified: ExpiringCache<Remembered>;

  constructor(
    private readonly policies: readonly P[],
    private readonly options: Options,
  ) {
    this.byIssuer = new Map(policies.map(({ issuer }, index) => [issuer, index]));
    this.verified = new ExpiringCache({ entries: ENTRIES, bytes: BYTES }, options.now);
    this.ready = Promise.all(policies.map(({ keys }) => keys.ready)).then(() => undefined);
  }

  verify(token: string): MaybePromise<Verification<P>> {
    // A digest of the whole token: a digest of the signature alone would accept another payload.
    const id = hash('sha256', `${this.options.digest} ${token}`, 'base64url');
    const remembered = this.verified.get(id);
    if (remembered && this.policyAt(remembered.policy).keys.holds(remembered.thumbprint)) return this.timed(remembered);
    const parsed = parseJws(token);
    if (parsed.kind === 'malformed') return rejected('token_malformed');
    if (parsed.kind === 'foreign') return { kind: 'foreign' };
    const { jws } = parsed;
    const index = this.byIssuer.get(undefined) ?? this.issuerOf(jws);
    if (index === undefined) return { kind: 'unlisted_issuer' };
    return this.check(jws, { id, index });
  }

  close(): void {
    for (const { keys } of this.policies) keys.close();
    this.verified.clear();
  }

  private issuerOf({ claims: { iss } }: Jws): number | undefined {
    return typeof iss === 'string' ? this.byIssuer.get(iss) : undefined;
  }

  private policyAt(index: number): P {
    return this.policies[index] as P;
  }

  private check(jws: Jws, place: { id: string; index: number }): MaybePromise<Verification<P>> {
    const { keys, algorithms } = this.policyAt(place.index);
    const { alg, kid, signature } = jws;
    // Check before a key is looked up: an impossible signature must not cause a fetch of keys.
    if (!isAlgorithm(alg) || !algorithms.includes(alg) || !fitsLength(alg, signature.length))
      return rejected('token_signature');
    const found = keys.find({ kid, alg });
    const judged = (answer: KeyAnswer) => this.judge({ ...jws, alg }, answer, place);
    const again = kid === undefined ? keys.again?.bind(keys, { alg }) : undefined;
    // An unknown `kid` makes the set ask by itself. Without a `kid`, only the failed signature shows that a key is
    // missing. Keys that had to be awaited are new.
    const retried = (first: Verification<P>): MaybePromise<Verification<P>> =>
      again && first.kind === 'rejected' && first.reason === 'token_signature'
        ? again().then((answer) => (answer.kind === 'unknown' ? first : judged(answer)))
        : first;
    return found instanceof Promise ? found.then(judged) : retried(judged(found));
  }

  /** Check the signature first: the answer to a forged token must not depend on its claims. */
  private judge(
    jws: Jws & { alg: Algorithm },
    answer: KeyAnswer,
    { id, index }: { id: string; index: number },
  ): Verification<P> {
    if (answer.kind === 'unavailable') return answer;
    if (answer.kind === 'unknown') return rejected('token_unknown_key');
    const signer = answer.keys.find(({ key }) => verifySignature(jws.alg, key, jws));
    if (!signer) return rejected('token_signature');
    const fault = claimFault(jws, this.policyAt(index));
    if (fault !== undefined) return rejected(fault);
    const remembered = { claims: jws.claims, policy: index, thumbprint: signer.thumbprint };
    const outcome = this.timed(remembered);
    if (outcome.kind === 'verified') this.remember(id, remembered);
    return outcome;
  }

  private timed({ claims, policy: index }: Remembered): Verification<P> {
    const policy = this.policyAt(index);
    const fault = timeFault(claims, policy, this.options.now());
    return fault === undefined ? { kind: 'verified', claims, policy } : rejected(fault);
  }

  private remember(id: string, entry: Remembered): void {
    const { exp } = entry.claims;
    this.verified.set(id, entry, typeof exp === 'number' ? exp * 1_000 : this.options.now() + ENDLESS_MS);
  }
}

function rejected(reason: TokenFault): { kind: 'rejected'; reason: TokenFault } {
  return { kind: 'rejected', reason };
}
