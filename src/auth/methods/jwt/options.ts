/** The options of the `jwt` method in the file, and the narrowing on a route. */
import { z } from 'zod';
import { exactText, byteSize, duration, headerName, oneOrMore, plainText } from '../../../lib/fields.js';
import { ALGORITHMS } from '../../../tokens/algorithms.js';
import { anyScope, claimPath, scopes } from '../claim-fields.js';
import { requiredClaims } from '../required-claims.js';
import { scopeClaims, subjectClaim } from '../token-subject.js';
import { TOKEN_TYPES } from '../../../tokens/claims.js';
import { SECRET_ENCODINGS } from '../../../tokens/shared-secret.js';
import { schemeField } from '../token-place.js';

const algorithm = () => z.enum(ALGORITHMS, { error: `must be one of ${ALGORITHMS.join(', ')}` });

/** An absolute http(s) URL without user, password or fragment. */
const webUrl = () =>
  plainText().refine((text) => isWebUrl(text), { error: 'must be an http(s) URL without user, password or fragment' });

function isWebUrl(text: string): boolean {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '' && !text.includes('#');
}

/** The rules for the tokens of one issuer. Each issuer may set its own. */
const tokenShape = {
  audience: oneOrMore(exactText())
    .optional()
    .describe('The `aud` a token must carry: one of these, exactly. Without it any audience is accepted.'),
  jwks_url: webUrl().optional().describe('Where the key set (JWKS) of the issuer is fetched.'),
  secret: z
    .string()
    .refine((text) => text.trim() !== '', { error: 'must not be blank' })
    .optional()
    .describe('A shared secret for HS256, HS384 and HS512; 32 bytes or more.'),
  secret_encoding: z
    .enum(SECRET_ENCODINGS)
    .optional()
    .describe('How `secret` is written: `utf8` (default), `base64` or `base64url`.'),
  public_key: z
    .string()
    .min(1, 'must not be empty')
    .optional()
    .describe('A public key: PEM (public key or certificate) or a JWK.'),
  public_key_file: plainText().optional().describe('A file that holds `public_key`.'),
  jwks: z
    .union(
      [
        z.string().min(1, 'must not be empty'),
        z.looseObject({ keys: z.array(z.unknown()).describe('The keys (JWK).') }),
      ],
      {
        error: 'must be a key set, such as {keys: [{kty: EC, crv: P-256, x: …, y: …}]}, or its JSON',
      },
    )
    .optional()
    .describe('A key set (RFC 7517) in the file, in place of `jwks_url`.'),
  jwks_file: plainText().optional().describe('A JSON file that holds `jwks`.'),
  ca_file: plainText()
    .optional()
    .describe(
      'PEM file of the private authorities of the issuer, for keys and discovery. No public authority counts then.',
    ),
  ca: z.string().min(1, 'must not be empty').optional().describe('The same as PEM text, in place of a file.'),
  algorithm: algorithm().optional().describe('The one accepted signature algorithm.'),
  algorithms: oneOrMore(algorithm())
    .optional()
    .describe('The accepted signature algorithms. Default: HS* with `secret`, every asymmetric one with keys.'),
  required_claims: requiredClaims()
    .optional()
    .describe('Claims that must be present (a list), or have a value, one of a list or `{all: […]}`; otherwise 403.'),
  required_scopes: scopes().optional().describe('Scopes that a token must all carry; otherwise 403.'),
  max_age: duration().optional().describe('The greatest age of a token since `iat`, whatever its `exp`.'),
  subject_claim: subjectClaim().optional(),
  scope_claims: scopeClaims('`scope`, else `scp`').optional(),
  claims_to_headers: z
    .record(claimPath(), headerName())
    .optional()
    .describe('Claims (dotted paths, or `/a.b/c`) and the identity headers that carry them to the upstream.'),
};

const leeway = () =>
  duration({ min: 0, max: 300_000 }).describe('How far clocks may differ for `exp`, `nbf` and `iat`; at most 5m.');
const requireExp = () => z.boolean().describe('Whether a token without `exp` is rejected.');
const tokenType = () =>
  z
    .enum(TOKEN_TYPES)
    .describe(
      '`access_token`: the header must have `typ: at+jwt` (RFC 9068). `any`: every token but an ID token. `id_token`: an ID token; needs `audience`.',
    );
const maxTokenSize = () =>
  byteSize(256, 262_144).describe('The greatest length of a token. A longer token is rejected.');
const ignoreCnf = () =>
  z.boolean().describe('Accept tokens bound to a key or certificate (`cnf`) although the binding is not checked.');
const insecure = () => z.boolean().describe('Fetch keys and discovery over plain http from hosts other than loopback.');
const jwksMaxAge = () =>
  duration({ min: 1_000, max: 86_400_000 }).describe('The age at which the key set is fetched anew.');
const staleIfError = () =>
  duration({ min: 0, max: 7 * 86_400_000 }).describe(
    'How long beyond its age a key set serves while it cannot be fetched.',
  );

const issuerEntry = z.strictObject({
  name: plainText().optional().describe("A name for the issuer, usable in a route's `issuers`."),
  issuer: exactText().describe(
    'The exact `iss` of the tokens. Each value of a claim in `required_claims` replaces `{claim}` in it.',
  ),
  ...tokenShape,
  leeway: leeway().optional(),
  require_exp: requireExp().optional(),
  token_type: tokenType().optional(),
  max_token_size: maxTokenSize().optional(),
  ignore_cnf: ignoreCnf().optional(),
  allow_insecure_http: insecure().optional(),
  jwks_max_age: jwksMaxAge().optional(),
  stale_if_error: staleIfError().optional(),
});

export const jwtOptions = z.strictObject({
  header: headerName().default('Authorization').describe('The header that carries the token.'),
  scheme: schemeField(),
  realm: plainText().optional().describe('The realm of the challenge; none by default.'),
  query_param: plainText()
    .optional()
    .describe('A query parameter that may carry the token; removed before forwarding.'),
  cookie: plainText()
    .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'must be the name of a cookie')
    .optional()
    .describe('A cookie that may carry the token.'),
  issuer: exactText()
    .optional()
    .describe(
      'The exact `iss` of the tokens. Without `jwks_url`, `secret`, `public_key` or `jwks` its keys are discovered. Each value of a claim in `required_claims` replaces `{claim}` in it.',
    ),
  issuers: z
    .array(issuerEntry)
    .min(1, 'must not be an empty list')
    .optional()
    .describe('Several issuers, each with options of its own; what an entry leaves out it takes from the block.'),
  unknown_issuer: z
    .enum(['rejected', 'absent'])
    .default('rejected')
    .describe('What a token of an issuer not listed is: a wrong credential, or one for another method.'),
  ...tokenShape,
  leeway: leeway().prefault('30s'),
  require_exp: requireExp().default(true),
  token_type: tokenType().default('any'),
  max_token_size: maxTokenSize().prefault('12KB'),
  ignore_cnf: ignoreCnf().default(false),
  allow_insecure_http: insecure().default(false),
  jwks_max_age: jwksMaxAge().prefault('10m'),
  stale_if_error: staleIfError().prefault('1h'),
  forward_credentials: z.boolean().default(true).describe('Whether a token that granted goes on to the upstream.'),
});

export type JwtOptions = z.output<typeof jwtOptions>;

const nonEmpty = () => oneOrMore(plainText());

export const jwtNarrowing = z.strictObject({
  issuers: nonEmpty().optional().describe('Issuers (by `name` or `issuer`) whose tokens this route accepts.'),
  audience: oneOrMore(exactText()).optional().describe('Audiences of which the token must carry one.'),
  required_scopes: scopes().optional().describe('Scopes that the token must all carry.'),
  any_scope: anyScope().optional(),
  required_claims: requiredClaims()
    .optional()
    .describe('Claims that must be present (a list), or have a value, one of a list or `{all: […]}`.'),
});

export type JwtNarrowing = z.output<typeof jwtNarrowing>;
