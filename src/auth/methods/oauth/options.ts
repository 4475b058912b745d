/** The `oauth` block and its narrowing: the server that checks a token, and the required content of its response. */
import { z } from 'zod';
import { exactText, byteSize, duration, headerName, oneOrMore, plainText } from '../../../lib/fields.js';
import { anyScope, claimPath } from '../claim-fields.js';
import { requiredClaims } from '../required-claims.js';
import { throttleOption } from '../throttle-option.js';
import { scopeClaims, subjectClaim } from '../token-subject.js';
import { schemeField } from '../token-place.js';
import { checkRedis, redisFields } from '../../../redis/options.js';

const MIN_SECRET = 32;

/** The Redis server in which instances share introspection results. */
const oauthDistributed = z
  .strictObject({
    ...redisFields({ prefix: 'loom:oauth:', words: 'Put before every key.' }),
    ca: z.string().optional().describe('The PEM itself, in place of `ca_file`.'),
    secret: z
      .string()
      .refine((text) => Buffer.byteLength(text) >= MIN_SECRET, { error: `must have at least ${MIN_SECRET} bytes` })
      .describe(
        'What answers are sealed with, the same for all instances; better a `${ENV}` reference. Redis holds no token, and ' +
          'what it holds is believed only if it was sealed with this.',
      ),
  })
  .superRefine(checkRedis);

const SCOPE = 'must be a scope: printable ASCII without space, quotes or backslash';
const NON_EMPTY = 'must not be an empty list';

/** RFC 6749 §3.3. Other characters could not be written into a challenge. */
const scope = () => z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, SCOPE);

export const oauthOptions = z.strictObject({
  realm: plainText().optional().describe('The realm of the challenge; none by default.'),
  header: headerName().default('Authorization').describe('Header to read the token from.'),
  scheme: schemeField(),
  introspection_url: z.string().min(1).optional().describe('RFC 7662 endpoint. Without it: discovered from `issuer`.'),
  issuer: exactText().optional().describe('The `iss` of the answer; also where the endpoint is discovered.'),
  require_iss: z
    .boolean()
    .optional()
    .describe(
      'Whether an answer without `iss` is rejected. Default: true with `introspection_url`, false where the endpoint is discovered from `issuer`.',
    ),
  client_id: plainText().describe('Who asks.'),
  client_secret: z
    .string()
    .refine((text) => text.trim() !== '', { error: 'must not be blank' })
    .describe('With what secret; better a `${ENV}` reference.'),
  auth_method: z
    .enum(['basic', 'post'])
    .default('basic')
    .describe('How the secret is sent: `basic` (Authorization header) or `post` (form fields).'),
  cache_ttl: duration({ min: 0, max: 86_400_000 })
    .prefault('5m')
    .describe('How long a response is cached, never past the `exp` of the token.'),
  cache_size: z.int().min(1).max(10_000_000).default(10_000).describe('How many responses are cached.'),
  distributed: oauthDistributed
    .optional()
    .describe('Shares answers with other instances, in Redis; needs the package `ioredis`. Default: each for itself.'),
  timeout: duration({ min: 10, max: 60_000 }).prefault('5s').describe('How long the server may take.'),
  throttle: throttleOption('of an address'),
  max_token_size: byteSize(256, 262_144)
    .prefault('12KB')
    .describe('The greatest length of a token. A longer token is rejected.'),
  ca_file: plainText()
    .optional()
    .describe('PEM file of the private authorities of the server. No public authority counts then.'),
  ca: z.string().min(1, 'must not be empty').optional().describe('The same as PEM text, in place of a file.'),
  audience: oneOrMore(exactText())
    .optional()
    .describe('Audiences of which the token must have one. Missing: any audience.'),
  required_scopes: z
    .array(scope())
    .min(1, NON_EMPTY)
    .optional()
    .describe('Scopes that the token must all have; otherwise 403.'),
  ignore_cnf: z
    .boolean()
    .default(false)
    .describe('Accept a token bound to a key or certificate although the binding is not checked.'),
  allow_insecure_http: z.boolean().default(false).describe('Ask over plain http, beyond this machine too.'),
  subject_claim: subjectClaim().optional(),
  scope_claims: scopeClaims('`scope`').optional(),
  claims_to_headers: z
    .record(claimPath(), headerName())
    .default({})
    .describe('Identity headers set from the answer: member (dotted path, or `/a.b/c`) to header.'),
  forward_credentials: z.boolean().default(true).describe('Whether a token that granted goes on to the upstream.'),
});

export const oauthNarrowing = z.strictObject({
  audience: oneOrMore(exactText()).optional().describe('Audiences of which the token must have one.'),
  required_scopes: z.array(scope()).min(1, NON_EMPTY).optional().describe('Scopes that the token must all have.'),
  any_scope: anyScope().optional(),
  required_claims: requiredClaims()
    .optional()
    .describe('Members of the answer that must be present (a list), or have a value, one of a list or `{all: […]}`.'),
});

export type OauthNarrowing = z.output<typeof oauthNarrowing>;
export type OauthOptions = z.output<typeof oauthOptions>;
