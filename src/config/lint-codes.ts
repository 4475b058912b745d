/** The codes of the rules that only `loom-auth check` runs, and of the comments that silence a rule. */
import { note, warning, type CodeFacts } from './code-facts.js';

export const LINT_CODES = {
  bad_ignore: warning(
    'A `loom-ignore` comment silences nothing.',
    'Write `# loom-ignore: rule_id reason`; only warnings and notes can be silenced.',
  ),
  expired: warning(
    'A key, certificate or revocation list is past its end.',
    'Replace the key or file, or remove the entry.',
  ),
  expires_soon: note(
    'A key, certificate or revocation list ends soon: within 30 days, or in the last third of a shorter life.',
    'Make its successor now.',
  ),
  forgeable_clients: warning(
    'Every user of the machine can connect to a Unix socket whose peers name the client address.',
    'Write a mode without access for others, such as `"0660"`.',
  ),
  guessable_secret: warning(
    'A secret is made of common words, a repeated part or a run of neighbours.',
    'Make a random secret: `loom-auth new-key` prints one.',
  ),
  leaked_secret: warning(
    'A secret is one of the 1,000 most common passwords of published leaks.',
    'Make a random secret: `loom-auth new-key` prints one.',
  ),
  public_beside_guarded: note(
    'An upstream serves a public route and guarded routes.',
    'Give public content an upstream of its own, or let the upstream check the identity headers.',
  ),
  shadow_file: warning(
    'The shadow file is missing or has a mistake, so a gateway would reject it.',
    'Correct the shadow file, or remove the option.',
  ),
  similar_issuers: warning(
    'Two issuers differ only by a trailing slash, by case or by the default port.',
    'Write the issuer exactly as the `iss` of its tokens, and remove the other spelling.',
  ),
  unknown_clients: warning(
    'The clients of a Unix socket have no address, and an option of the file depends on it.',
    'Write `unix` in `trusted_proxies`, or use `proxy_protocol`.',
  ),
  unreachable_limit: warning(
    'No request can reach a limit or a tier.',
    'Remove the limit, or change the rule that is always reached before it.',
  ),
  unsent_header: warning(
    'No upstream gets an identity header of the file.',
    'Remove the entry, or require its auth method on a route.',
  ),
  unused_ignore: warning('A `loom-ignore` comment is on a line without such a warning.', 'Remove the comment.'),
} as const satisfies Readonly<Record<string, CodeFacts>>;
