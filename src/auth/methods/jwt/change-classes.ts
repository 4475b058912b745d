/** The class of changes of each option of `jwt`, and of each of its issuers. */
import { content, durationText, secret, time, type Leaf, type Members } from '../../../lib/change-classes.js';
import { claimConditionText } from '../required-claims-text.js';
import type { JwtOptions } from './options.js';

type Issuer = NonNullable<JwtOptions['issuers']>[number];
type Shared = Omit<Issuer, 'name' | 'issuer'>;

const ACCESS: Leaf = { in: 'access' };
const LIST: Leaf = { in: 'access', unordered: true };
const inAccess = (more: Omit<Leaf, 'in'>): Leaf => ({ in: 'access', ...more });

/** `byBlock`: defaults apply to the block. An issuer without the option has that of the block. */
const rules = (byBlock: boolean): Members<Shared>['members'] => {
  const fallback = (value: unknown): Pick<Leaf, 'default'> => (byBlock ? { default: value } : {});
  return {
    audience: LIST,
    jwks_url: ACCESS,
    secret: secret('access'),
    secret_encoding: ACCESS,
    public_key: content('access'),
    public_key_file: { by: 'public_key' },
    // A key set may contain a symmetric key.
    jwks: secret('access'),
    jwks_file: { by: 'jwks' },
    ca_file: { by: 'ca' },
    ca: content('access', 'ca_file'),
    algorithm: ACCESS,
    algorithms: LIST,
    required_claims: inAccess({ show: claimConditionText }),
    required_scopes: LIST,
    max_age: inAccess({ show: durationText }),
    subject_claim: { in: ['access', 'headers', 'limits'] },
    scope_claims: ACCESS,
    claims_to_headers: { by: 'headers of the method' },
    leeway: inAccess({ show: durationText, ...fallback(30_000) }),
    require_exp: inAccess(fallback(true)),
    token_type: inAccess(fallback('any')),
    max_token_size: inAccess(fallback(12 * 1_024)),
    ignore_cnf: inAccess(fallback(false)),
    allow_insecure_http: inAccess(fallback(false)),
    jwks_max_age: time('jwks_max_age', ...(byBlock ? [600_000] : [])),
    stale_if_error: time('stale_if_error', ...(byBlock ? [3_600_000] : [])),
  };
};

export const jwtClasses: Members<JwtOptions> = {
  members: {
    ...rules(true),
    header: inAccess({ default: 'Authorization' }),
    scheme: ACCESS,
    realm: { in: 'headers' },
    query_param: ACCESS,
    cookie: ACCESS,
    issuer: ACCESS,
    issuers: {
      in: 'access',
      name: ({ name, issuer }: Issuer) => name ?? issuer,
      identity: 'issuer',
      items: { members: { ...rules(false), name: { by: 'the name of the item' }, issuer: ACCESS } },
    },
    unknown_issuer: inAccess({ default: 'rejected' }),
    forward_credentials: { in: 'headers', default: true },
  },
};
