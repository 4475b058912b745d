/** The class of changes of each option of `oauth`. */
import { content, secret, time, type Leaf, type Members } from '../../../lib/change-classes.js';
import { redisBlockClasses } from '../../../redis/change-classes.js';
import { THROTTLE } from '../../rate-text.js';
import type { OauthOptions } from './options.js';

const ACCESS: Leaf = { in: 'access' };
const OFF: Leaf = { in: 'access', default: false };

export const oauthClasses: Members<OauthOptions> = {
  members: {
    realm: { in: 'headers' },
    header: { in: 'access', default: 'Authorization' },
    scheme: ACCESS,
    introspection_url: ACCESS,
    issuer: ACCESS,
    require_iss: ACCESS,
    client_id: ACCESS,
    client_secret: secret('access'),
    auth_method: { in: 'access', default: 'basic' },
    cache_ttl: time('cache_ttl', 300_000),
    cache_size: { in: 'timeouts', default: 10_000 },
    distributed: {
      members: {
        ...redisBlockClasses('access'),
        ca: content('access', 'ca_file'),
        secret: secret('access'),
      },
    },
    timeout: time('timeout', 5_000),
    throttle: THROTTLE,
    max_token_size: { in: 'access', default: 12 * 1_024 },
    ca_file: { by: 'ca' },
    ca: content('access', 'ca_file'),
    audience: { in: 'access', unordered: true },
    required_scopes: { in: 'access', unordered: true },
    ignore_cnf: OFF,
    allow_insecure_http: OFF,
    subject_claim: { in: ['access', 'headers', 'limits'] },
    scope_claims: ACCESS,
    claims_to_headers: { by: 'headers of the method' },
    forward_credentials: { in: 'headers', default: true },
  },
};
