/** Says in one sentence why a token was refused, for the log. */
import { listed, quoted } from '../../../lib/sentence.js';
import { fitsLength, isAlgorithm } from '../../../tokens/algorithms.js';
import { describeClaims } from '../../../tokens/fault-detail.js';
import { hasClaims } from '../../../tokens/claim-values.js';
import { parseJws, type Jws } from '../../../tokens/jws.js';
import type { TokenPolicy } from '../../../tokens/token-verifier.js';
import { describeScopes } from '../../refusal-detail.js';
import type { ReasonCode } from '../../verdict.js';
import { identityOf } from './narrowing.js';
import type { JwtIssuer } from './issuers.js';

/** The rules of one issuer, and its block of the file. */
export interface IssuerPolicy extends TokenPolicy {
  readonly from: JwtIssuer;
  /** The name of the key set, if the keys are fetched. */
  readonly source?: string | undefined;
}

export interface DescribedToken {
  readonly token: string;
  readonly reason: ReasonCode;
  readonly policies: readonly IssuerPolicy[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function describeToken({ token, reason, policies, now }: DescribedToken): string | undefined {
  const parsed = parseJws(token);
  if (parsed.kind !== 'jws') return describeText(token, parsed.kind === 'foreign');
  const { jws } = parsed;
  const policy = policies.find(({ issuer }) => issuer === undefined || issuer === jws.claims['iss']);
  const issuers = policies.flatMap(({ issuer }) => issuer ?? []);
  if (!policy) return marked(describeClaims('token_issuer', jws.claims, { now, leeway: 0, issuers }));
  if (reason === 'token_signature' || reason === 'token_unknown_key') return marked(describeKeys(jws, reason, policy));
  if (reason === 'insufficient_scope') return describeScopes(policy.from, identityOf(jws.claims, policy.from).scopes);
  if (reason === 'not_allowed') return describeRequiredClaims(jws, policy);
  const { leeway, maxAge, audience, tokenType, issuerClaims } = policy;
  return describeClaims(reason, jws.claims, { now, leeway, maxAge, audience, issuers, tokenType, issuerClaims });
}

const marked = (text: string | undefined): string | undefined =>
  text && `${text} (unverified: no signature of the token was checked)`;

/** A value that is not a JWS is described by its form alone. */
function describeText(token: string, isForeign: boolean): string {
  const parts = token.split('.', 6).length;
  const form = `a value of ${token.length} characters and ${parts === 1 ? '1 part' : `${parts} parts`}`;
  return isForeign ? `${form} is not a signed JWT` : `${form} is not a valid compact JWS`;
}

function describeKeys({ alg, kid, signature }: Jws, reason: ReasonCode, { algorithms, keys }: IssuerPolicy): string {
  const name = kid === undefined ? 'without `kid`' : `with \`kid\` ${quoted(kid)}`;
  const set = keys.describe?.();
  const about = set === undefined ? '' : `; ${set}`;
  if (reason === 'token_unknown_key') return `no key for a token ${name}${about}`;
  if (!(algorithms as readonly string[]).includes(alg))
    return `\`alg\` is ${quoted(alg)}; the issuer accepts ${listed([...algorithms])}`;
  if (isAlgorithm(alg) && !fitsLength(alg, signature.length))
    return `the signature has ${signature.length} bytes, and no signature of ${alg} has this length; the token may be cut`;
  return `no key verifies the signature of a token ${name} and \`alg\` ${quoted(alg)}${about}`;
}

function describeRequiredClaims({ claims }: Jws, { from }: IssuerPolicy): string {
  const failing = Object.entries(from.required_claims).filter(
    ([name, values]) => !hasClaims(claims, { [name]: values }),
  );
  const each = failing.map(([name, values]) => `claim ${quoted(name)} must have ${quoted(values)}`);
  return `the token does not satisfy required_claims: ${listed(each, 'and')}`;
}
