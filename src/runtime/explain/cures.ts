/** What to do about a refused request, for each code and reason. The texts are those of docs/troubleshooting.md. */
import type { ReasonCode } from '../../auth/verdict.js';
import type { DenialCode } from '../../http/problem.js';

export const REASON_CURES: Readonly<Record<ReasonCode, string>> = {
  credential_missing: 'Send the credential where an auth method of the route reads it.',
  credential_invalid:
    'Look for white space around the key or password. Compare the hash of a key with the file: npx loom-auth hash-key.',
  credential_duplicate: 'Send one credential, in one header field. Look for a proxy that adds a header.',
  subject_missing: 'Name a claim that each token has in subject_claim. The default is sub, else client_id.',
  subject_invalid:
    'Name another claim in subject_claim. For a plugin, correct auth.subject or the identity header that it sets.',
  token_malformed: 'Send the token as the issuer wrote it, without quotes.',
  token_too_large:
    'Raise max_token_size of jwt or oauth, and max_header_size of the listener. Or let the issuer put fewer groups into the token.',
  token_signature:
    'Compare algorithms with the header of the token. A token for another API, such as Microsoft Graph, cannot be verified.',
  token_unknown_key: "Compare jwks_url with the issuer's discovery document.",
  token_expired: 'Get a new token. leeway, at most 5 minutes, allows for clocks that differ.',
  token_not_yet_valid: 'Synchronize the clocks of the issuer and of Loom.',
  token_issuer: 'Set issuer to the iss of the token, byte for byte.',
  token_audience: 'Ask the issuer for a token for this API.',
  token_type: 'Send the access token. token_type: id_token accepts ID tokens.',
  token_claims:
    'require_exp: false accepts tokens without an end. ignore_cnf: true accepts bound tokens without checking the binding.',
  token_inactive: 'Get a new token.',
  certificate_untrusted:
    'Run openssl verify -CAfile ca.pem client.pem. If the listener has crl_file, add -crl_check_all -CRLfile crl.pem.',
  certificate_expired: 'Issue a new certificate.',
  insufficient_scope:
    'Ask the issuer for the scope. If the token has the scope in another claim, name the claim in scope_claims.',
  not_allowed: 'Add the caller to the list, or use another credential.',
  cross_site: 'Add the origin of the page to routes[].allowed_origins.',
  identity_conflict: 'Give each auth method an identity header of its own.',
  plugin_refused: 'Read the log lines of the plugin.',
  key_set_unavailable: 'Check URL, DNS, firewall and certificate. See loom_jwks_loads_total.',
  introspection_unavailable: 'Check the endpoint, client_id and client_secret.',
  method_unavailable: 'Read the cause in the log.',
  plugin_unavailable: 'Read the cause in the log.',
  store_unavailable: 'Check Redis; see loom_rate_limit_store_up.',
  key_store_unavailable: 'Check the database of api_key.store; see loom_key_store_up.',
  pool_full: 'Lower the bcrypt cost, or raise cache_ttl or workers.',
  throttled: 'Wait as long as Retry-After says. Look for a client with an old password.',
  header_not_ascii: 'Encode the header value as ASCII.',
  body_too_large: 'Raise plugins[].max_body, or let the plugin read headers only.',
  body_late: 'Check the connection of the client.',
};

export const CODE_CURES: Readonly<Record<DenialCode, string>> = {
  bad_request: 'Send one Host and one framing header. Look at proxies that rewrite requests.',
  bad_target: 'Send the plain path. allow_encoded_slash lets %2f through on one route. Give both routes the same auth.',
  invalid_request: 'Send one credential, in one place.',
  unauthorized: 'Read the reason in the log.',
  forbidden: 'Read the reason in the log.',
  insufficient_scope: 'Ask the issuer for the scope in WWW-Authenticate.',
  cross_site: 'Add the origin of the page to routes[].allowed_origins.',
  no_route: 'Add a route, or use the spelling of the file.',
  method_not_allowed: 'Use an HTTP method of the header Allow, or add the HTTP method to a route.',
  request_timeout: 'Raise listeners[].read_timeout, or check the connection of the client.',
  body_too_large: 'Raise plugins[].max_body.',
  upgrade_unsupported: 'Use a current client.',
  upgrade_malformed: 'Look at the client, or at proxies that drop Upgrade.',
  rate_limited: 'Wait as long as Retry-After says.',
  too_many_headers: 'Send fewer cookies, or raise listeners[].max_header_size.',
  body_consumed: 'Mount Loom before body parsers.',
  internal: 'Read the cause in the log.',
  upstream_unreachable: 'Read the error of the system in the log. Check address, port and TLS.',
  upstream_invalid: 'Check the response of the backend.',
  upstream_timeout: 'Raise routes[].timeout or upstreams[].timeout, or make the backend faster.',
  upstream_unavailable: 'Look at the endpoints on the page /upstreams of the admin address.',
  gateway_exhausted:
    'Read the code of the system in the log, such as EMFILE. Raise the limit of open files; see ulimit -n.',
  upstream_overloaded: 'Raise the limits of upstreams[].pool, or add endpoints.',
  unavailable: 'Read the reason in the log. Clients keep their credential and retry.',
};

/** The reason says more than the code. */
export function cureOf(code: DenialCode, reason: ReasonCode | undefined): string {
  return reason === undefined ? CODE_CURES[code] : REASON_CURES[reason];
}
