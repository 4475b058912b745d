/** Every code of a diagnostic. A code is the stable id of its rule: it is never renamed and never gets another meaning. */
import { either, error, warning, type CodeFacts } from './code-facts.js';
import { LINT_CODES } from './lint-codes.js';
import { SYNTAX_CODES } from './syntax-codes.js';

const OPTION_CODES = {
  access_default: error(
    'A variable that decides who may pass has a default.',
    'Remove the default, and set the variable.',
  ),
  ambiguous_secret: error('Another YAML reader reads this secret as a number, date or boolean.', 'Quote the secret.'),
  bad_reference: error(
    'A `${…}` is no reference that the file may have.',
    'Write `${NAME}`, `${NAME:-default}` or `${file:PATH}`; `$${` is a literal `${`.',
  ),
  control_character: error('A variable or file contains a line break or control character.', 'Remove the character.'),
  duplicate: error('A name, address, endpoint or entry is given twice.', 'Rename or remove one of the two.'),
  empty_file: error('A file that the configuration names is empty.', 'Write the value to the file.'),
  missing: error('A required option is missing.', 'Add the option that the message names.'),
  no_effect: either('An option has no effect beside the others.', 'Remove the option, or add what it needs.'),
  not_built: either(
    'Loom does not have this option of the schema.',
    'Remove the option, or use what the message names.',
  ),
  not_pem: error('A certificate or key file has no PEM block.', 'Convert the file to PEM.'),
  printed_secret: warning('The secret is printed in public documentation.', 'Make a new secret.'),
  secret_default: error('A variable with a secret has a default.', 'Remove the default, and set the variable.'),
  two_sources: error('Two options say the same thing.', 'Keep one of the two.'),
  unknown_key: error('The file has an option that does not exist here.', 'Correct the spelling, or remove the option.'),
  unreadable_file: either('A file that the configuration names cannot be read.', 'Look at its path and permissions.'),
  unset_variable: error('An environment variable is not set or empty.', 'Set the variable, or give a default.'),
  token_over_head: warning(
    'An auth method accepts tokens that are longer than the request head of a listener.',
    'Raise `max_header_size` of the listener, or lower `max_token_size`.',
  ),
  weak_secret: warning('A secret is short.', 'Use as many random characters as the message says.'),
  world_readable: warning(
    'Every user of the machine can read a file with a secret.',
    'Remove the permission: `chmod o-r`.',
  ),
  wrong_key: error('A key of a mapping is not allowed here.', 'Write a key as the message says.'),
  wrong_type: error('A value has the wrong type.', 'Write the type that the message names.'),
  wrong_value: error('A value is outside of what the option accepts.', 'Write a value as the message says.'),
} as const satisfies Readonly<Record<string, CodeFacts>>;

const AUTH_CODES = {
  bcrypt_cost: warning(
    'A bcrypt hash has a cost below 10 or above 12.',
    'Hash the password again: `loom-auth hash-password` uses a cost of 10.',
  ),
  client_chooses: either(
    'The client can choose which rule or limit applies.',
    'Use the same auth for both routes, or a key that the client cannot choose.',
  ),
  crl_of_host: warning(
    'Middleware cannot check the `crl_file` of a listener.',
    'Give the revocation list to the server of the host application.',
  ),
  duplicate_header: error('Two entries use one header.', 'Give each entry a header of its own.'),
  forbidden_header: error('The header has another meaning for upstreams.', 'Take another header.'),
  missing_audience: warning(
    'A `jwt` issuer has no `audience`, so tokens for any other service are accepted.',
    'Set `audience` to the name of this service in the `aud` of its tokens.',
  ),
  missing_issuer: warning(
    'A `jwt` block has no `issuer`, so tokens of any issuer are accepted.',
    'Set `issuer` to the `iss` of its tokens.',
  ),
  method_error: error(
    'The options of an auth method contradict each other.',
    'Change the options as the message says.',
  ),
  method_warning: warning('The options of an auth method are unsafe.', 'Change the options as the message says.'),
  never_set: warning('No auth method sets the header or claim.', 'Enable a method that sets it, or remove the entry.'),
  not_asked_for: either(
    'A listener has options for client certificates but asks for none.',
    'Set `client_auth`, or remove the options.',
  ),
  nothing_required: error(
    'Auth methods are enabled, and no route requires one.',
    'Set `chain`, or give the routes an `auth`.',
  ),
  plugin_error: error('A plugin cannot be loaded.', 'Build the plugin as the message says.'),
  reserved_header: error('The header has a fixed meaning for messages or proxies.', 'Take another header.'),
  shared_identity: warning(
    'Two issuers or auth methods fill one identity header.',
    'Give each its own header, or map `iss` to a header.',
  ),
  shared_place: error(
    'Two auth methods read one place, in an order or combination that cannot work.',
    'Change the order, or give one of the methods another place.',
  ),
  two_authorities: either(
    'Listeners trust different authorities or revocation lists.',
    'Name the authorities that count in `mtls.ca_file`, or use one file for all listeners.',
  ),
  unknown_name: error(
    'A route lists a key, user or issuer that does not exist.',
    'Correct the name, or add the entry.',
  ),
  unknown_plugin: error('A route requires a plugin that does not exist.', 'Correct the name, or add the plugin.'),
  unlimited: warning('While Redis is down, no request is limited.', 'Set `on_store_error` to `local` or `deny`.'),
  unreachable_method: either(
    'A route requires a client certificate, and no listener asks for one.',
    'Set `tls.client_auth` on a listener.',
  ),
  wrong_auth: error('The `auth` of a route has a form that does not exist.', 'Write a form that the message names.'),
  wrong_method: error('An auth method is unknown, disabled or not configured.', 'Correct the name, or add its block.'),
  wrong_policy: error(
    'The options that combine auth methods contradict each other.',
    'Set `require_any` beside `chain`.',
  ),
} as const satisfies Readonly<Record<string, CodeFacts>>;

const ROUTE_CODES = {
  duplicate_route: error('Two routes match the same requests.', 'Remove one of the two routes.'),
  never_matches: either('No request can match the route or entry.', 'Change the condition, or remove the entry.'),
  no_upstreams: warning('Routes name an upstream, and the file has none.', 'Add `upstreams`, or remove the name.'),
  public_catch_all: warning('A public route also takes paths that no other route names.', 'Narrow its path.'),
  public_route: warning(
    'A route is public, and the file does not say so.',
    'Write `auth: none`, or give it an `auth`.',
  ),
  reload_opens: error(
    'A reload would open a guarded path.',
    'Write `auth: none` on the route, or list the path in `opens`.',
  ),
  reload_weakens: warning(
    'A reload gives a guarded path to a route with another `auth`.',
    'Give the path a route of its own.',
  ),
  route_hidden: either('Another route takes every request of this route.', 'Change the order, the path or `priority`.'),
  route_overlap: error(
    'A weaker route can deliver paths that a stricter route guards.',
    'Give both routes the same auth, or set `overlap: true` if that is meant.',
  ),
  route_partly_hidden: warning('A weaker route with a higher priority takes some paths.', 'Lower its `priority`.'),
  unknown_upstream: error('An upstream of this name does not exist.', 'Correct the name, or add the upstream.'),
  unused: warning('No route uses this upstream or auth method.', 'Remove the block, or use it.'),
  unused_opens: warning('An entry of `opens` opens nothing.', 'Remove the entry.'),
} as const satisfies Readonly<Record<string, CodeFacts>>;

const SERVER_CODES = {
  insecure: warning(
    'The certificate of an upstream is not verified.',
    'Set `ca_file` in place of `insecure_skip_verify`.',
  ),
  open_admin: error('The admin address can be reached from outside without a credential.', 'Set `admin.auth`.'),
  tls_file: either(
    'A certificate, key or list of a `tls` block cannot be used, or peers refuse it.',
    'Replace the file that the message names.',
  ),
  unencrypted_origin: warning('A CORS origin with credentials is plain `http`.', 'Use the `https` origin.'),
  unsafe_cors: error('A CORS rule lets pages of other sites act for users.', 'List the origins and names one by one.'),
  wrong_protocol: error('The `protocol` of a listener does not fit its `tls` block.', 'Change one of the two.'),
} as const satisfies Readonly<Record<string, CodeFacts>>;

export const DIAGNOSTICS = {
  ...SYNTAX_CODES,
  ...OPTION_CODES,
  ...AUTH_CODES,
  ...ROUTE_CODES,
  ...SERVER_CODES,
  ...LINT_CODES,
} as const;

/**
 * The stable id of a rule for the file; see the page of diagnostics in the reference.
 *
 * @example
 * import type { Diagnostic, DiagnosticCode } from 'loom-auth';
 *
 * const accepted: ReadonlySet<DiagnosticCode> = new Set(['public_route']);
 * export const remaining = (all: readonly Diagnostic[]) => all.filter(({ code }) => !accepted.has(code));
 */
export type DiagnosticCode = keyof typeof DIAGNOSTICS;

type WithLevel<Level> = {
  [Code in DiagnosticCode]: (typeof DIAGNOSTICS)[Code]['level'] extends Level ? Code : never;
}[DiagnosticCode];

export type ErrorCode = WithLevel<'error' | 'error or warning'>;
export type NoteCode = WithLevel<'note'>;
export type WarningCode = WithLevel<'warning' | 'error or warning'>;
