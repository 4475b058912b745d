/** Says in one sentence why the claims of a token were refused, with the expected and the actual values. */
import { unambiguousClaimAt } from '../lib/claim-path.js';
import { ageText, listed, quoted } from '../lib/sentence.js';
import type { TokenType } from './claims.js';
import type { Claims } from './jws.js';

/** Times in milliseconds. */
export interface DescribedRules {
  readonly now: number;
  readonly leeway: number;
  readonly maxAge?: number | undefined;
  readonly issuers: readonly string[];
  readonly audience?: readonly string[] | undefined;
  readonly tokenType?: TokenType | undefined;
  /** Claims that are part of the name of the issuer. */
  readonly issuerClaims?: Readonly<Record<string, string>> | undefined;
}

/** Returns undefined for a reason that does not depend on claims. */
export function describeClaims(reason: string, claims: Claims, rules: DescribedRules): string | undefined {
  switch (reason) {
    case 'token_expired':
      return describeExpiry(claims, rules);
    case 'token_not_yet_valid':
      return describeStart(claims, rules);
    case 'token_issuer':
      return describeIssuer(claims, rules);
    case 'token_audience':
      return describeAudience(claims, rules.audience ?? []);
    case 'token_type':
      return `the token is not an ${rules.tokenType === 'id_token' ? 'ID' : 'access'} token: ${listed(marksOf(claims), 'and')}`;
    case 'token_claims':
      return describeShape(claims, rules);
    case 'subject_invalid':
    case 'subject_missing':
      return describeSubject(claims);
    default:
      return undefined;
  }
}

const timeOf = (claims: Claims, name: string): number | undefined => {
  const value = claims[name];
  return typeof value === 'number' && Number.isFinite(value) ? value * 1_000 : undefined;
};

function describeExpiry(claims: Claims, { now, leeway, maxAge }: DescribedRules): string {
  const [exp, iat] = [timeOf(claims, 'exp'), timeOf(claims, 'iat')];
  if (exp !== undefined && now >= exp) return `expired ${ageText(now - exp)} ago, leeway ${ageText(leeway)}`;
  if (iat === undefined || maxAge === undefined) return 'expired';
  return `issued ${ageText(now - iat)} ago, max_age ${ageText(maxAge)}, leeway ${ageText(leeway)}`;
}

function describeStart(claims: Claims, { now, leeway }: DescribedRules): string {
  const [name, start] = (['nbf', 'iat'] as const)
    .map((each) => [each, timeOf(claims, each) ?? 0] as const)
    .reduce((later, each) => (each[1] > later[1] ? each : later));
  return `\`${name}\` is ${ageText(Math.max(0, start - now))} in the future, leeway ${ageText(leeway)}`;
}

function describeIssuer(claims: Claims, { issuers, issuerClaims = {} }: DescribedRules): string {
  const { iss } = claims;
  for (const [path, value] of Object.entries(issuerClaims)) {
    const found = unambiguousClaimAt(claims, path);
    if (found === value) continue;
    const text = found === undefined ? 'missing or ambiguous' : quoted(found);
    return `\`${path}\` is ${text}; a token with \`iss\` ${shown(iss)} must have ${quoted(value)}`;
  }
  return `\`iss\` is ${shown(iss)}; expected ${wanted(issuers, iss)}`;
}

/** OpenID Connect Core §3.1.3.7: an ID token may name the audience, and be issued to another client. */
function describeAudience({ aud, azp }: Claims, audience: readonly string[]): string {
  const isNamed = [aud].flat().some((each) => typeof each === 'string' && audience.includes(each));
  if (!isNamed) return `\`aud\` is ${shown(aud)}; expected ${wanted(audience, aud)}`;
  return `\`aud\` names several clients, so \`azp\` must be ${listed(audience.map(quoted))}; \`azp\` is ${shown(azp)}`;
}

/** Names the expected values, and the usual small differences to the actual value. */
function wanted(expected: readonly string[], actual: unknown): string {
  const actuals = (Array.isArray(actual) ? actual : [actual]).filter((each) => typeof each === 'string');
  const near = (normal: (text: string) => string): boolean =>
    expected.some((each) => actuals.some((other) => normal(each) === normal(other)));
  const values = listed(expected.map(quoted));
  if (near((text) => text.replace(/\/$/, ''))) return `${values}: they differ only by a trailing slash`;
  if (near((text) => text.trim())) return `${values}: they differ only by white space`;
  if (near((text) => text.toLowerCase())) return `${values}: they differ only by the case of letters`;
  if (near((text) => text.replace(/^https?:/, '').replace(/\/$/, '')))
    return `${values}: they differ only by the scheme`;
  return values;
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  return Array.isArray(value) && value.length > 0 ? listed(value.map(quoted), 'and') : quoted(value);
}

/** What marks a token as another kind: RFC 8417, OpenID Connect Core, and claims of Cognito and Keycloak. */
function marksOf(claims: Claims): readonly string[] {
  const marks = ['at_hash', 'c_hash', 'events']
    .filter((name) => Object.hasOwn(claims, name))
    .map((name) => `\`${name}\``);
  const uses = ['token_use', 'token_type', 'typ'].flatMap((name) =>
    Object.hasOwn(claims, name) ? [`\`${name}\` ${quoted(claims[name])}`] : [],
  );
  const all = [...marks, ...uses];
  return all.length === 0 ? ['`typ` of its header'] : all;
}

function describeShape(claims: Claims, { maxAge }: DescribedRules): string {
  const { exp, iat, cnf } = claims;
  const wrong = ['exp', 'nbf', 'iat'].filter(
    (name) => claims[name] !== undefined && timeOf(claims, name) === undefined,
  );
  if (wrong.length > 0)
    return `${listed(
      wrong.map((name) => `\`${name}\``),
      'and',
    )} must be a number of seconds`;
  if (exp === undefined) return 'the token has no `exp`; `require_exp: false` accepts it';
  if (iat === undefined && maxAge !== undefined) return 'the token has no `iat`, and `max_age` needs it';
  if (cnf !== undefined && cnf !== null) return 'the token is bound to a key (`cnf`); `ignore_cnf: true` accepts it';
  return '`aud`, `jti` or `iss` has a wrong type';
}

function describeSubject(claims: Claims): string {
  const names = Object.keys(claims).filter((name) => !NO_SUBJECTS.has(name));
  const has =
    names.length === 0
      ? 'nothing that names a caller'
      : listed(
          names.map((name) => `\`${name}\``),
          'and',
        );
  return `no usable subject: the token has ${has}; see \`subject_claim\``;
}

const NO_SUBJECTS = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti', 'scope', 'scp', 'active']);
