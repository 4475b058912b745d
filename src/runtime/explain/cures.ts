/** What to do about a refused request, for each code and reason. The texts are those of docs/troubleshooting.md. */
import type { ReasonCode } from '../../auth/verdict.js';
import type { DenialCode } from '../../http/problem.js';

export const REASON_CURES: Readonly<Record<ReasonCode, string>> = {
  credential_missing: 'Send the credential in one of the places that explain names.',
  credential_invalid: 'Look for white space around the key. Hash it again with npx loom-auth hash-key.',
  credential_duplicate: 'Send it once. Look at proxies that add a header.',
  subject_missing: 'Name a claim that each token has in subject_claim. The default is sub, else client_id.',
  subject_invalid: 'Name another claim in subject_claim. A plugin sets auth.subject or an identity header.',
  token_malformed: 'Send the token as the issuer wrote it, without quotes.',
  token_too_large:
    'Raise max_token_size of jwt or oauth, and max_header_size of the listener. Or let the issuer put fewer groups into the token.',
  token_signature: 'Is it a token for another API (Microsoft Graph)? Compare algorithms with the header of the token.',
  token_unknown_key: "Compare jwks_url with the issuer's discovery document.",
  token_expired: 'Get a new token. leeway, at most 5 minutes, allows for clocks.',
  token_not_yet_valid: 'Set the clocks.',
  token_issuer: 'Copy iss from the token.',
  token_audience: 'Ask the issuer for a token for this API.',
  token_type: 'Send the access token. token_type: id_token accepts ID tokens.',
  token_claims:
    'require_exp: false accepts tokens without an end. ignore_cnf: true accepts bound tokens without checking the binding.',
  token_inactive: 'Get a new token.',
  certificate_untrusted: 'Run openssl verify -CAfile ca.pem client.pem.',
  certificate_expired: 'Issue a new certificate.',
  insufficient_scope:
    'Ask the issuer for the scope. If the token has the scope in another claim, name the claim in scope_claims.',
  not_allowed: 'Add the caller, or use another credential.',
  cross_site: 'List the page in routes[].allowed_origins.',
  identity_conflict: 'Give each method a header of its own.',
  plugin_refused: "Look at the plugin's lines in the log.",
  key_set_unavailable: 'Check URL, DNS, firewall and certificate. See loom_jwks_loads_total.',
  introspection_unavailable: 'Check the endpoint, client_id and client_secret.',
  method_unavailable: 'The log has the cause.',
  plugin_unavailable: 'The log has the cause.',
  store_unavailable: 'Check Redis; see loom_rate_limit_store_up.',
  key_store_unavailable: 'Check the database of api_key.store; see loom_key_store_up.',
  pool_full: 'Lower the bcrypt cost, raise cache_ttl or workers.',
  throttled: 'Wait for Retry-After. Look for a client with an old password.',
  header_not_ascii: 'Encode the value.',
  body_too_large: 'Raise it, or let the plugin read headers only.',
  body_late: "Look at the client's connection.",
};

export const CODE_CURES: Readonly<Record<DenialCode, string>> = {
  bad_request: 'Send one Host and one framing header. Look at proxies that rewrite requests.',
  bad_target: 'Send the plain path. allow_encoded_slash lets %2f through on one route. Give both routes the same auth.',
  invalid_request: 'Send one credential, in one place.',
  unauthorized: 'See the reason.',
  forbidden: "See the reason. A plugin's own answer has this code in the log, with any status.",
  insufficient_scope: 'Ask the issuer for the scope in WWW-Authenticate.',
  cross_site: 'List the page in routes[].allowed_origins.',
  no_route: 'Add a route, or use the spelling of the file.',
  method_not_allowed: 'See Allow. Add the method to a route.',
  request_timeout: 'listeners[].read_timeout.',
  body_too_large: 'Raise plugins[].max_body.',
  upgrade_unsupported: 'Use a current client.',
  upgrade_malformed: 'Look at the client, or at proxies that drop Upgrade.',
  rate_limited: 'Wait for Retry-After.',
  too_many_headers: 'Send fewer cookies. listeners[].max_header_size.',
  body_consumed: 'Mount Loom before body parsers.',
  internal: 'The log has the cause.',
  upstream_unreachable: "The log has the system's error. Check address, port and TLS.",
  upstream_invalid: "Look at the backend's answer.",
  upstream_timeout: 'routes[].timeout, upstreams[].timeout.',
  upstream_unavailable: '/upstreams on the admin address shows the endpoints.',
  gateway_exhausted:
    'The log has the code of the system, such as EMFILE. Raise the limit of open files; see ulimit -n.',
  upstream_overloaded: 'upstreams[].pool, or more endpoints.',
  unavailable: 'See the reason. Clients keep their credential and retry.',
};

/** The reason says more than the code. */
export function cureOf(code: DenialCode, reason: ReasonCode | undefined): string {
  return reason === undefined ? CODE_CURES[code] : REASON_CURES[reason];
}
