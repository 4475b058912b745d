/** The templates in a configured rate limit response: `{{.RetryAfter}}` and three others. */
import type { RateLimitDecision } from './limiter.js';

type Facts = Pick<RateLimitDecision, 'limit' | 'remaining' | 'resetAtSeconds' | 'retryAfterSeconds'>;

const VALUES = {
  RetryAfter: ({ retryAfterSeconds }: Facts) => Math.max(1, retryAfterSeconds),
  Limit: ({ limit }: Facts) => limit,
  Remaining: ({ remaining }: Facts) => remaining,
  Reset: ({ resetAtSeconds }: Facts) => resetAtSeconds,
} as const satisfies Readonly<Record<string, (facts: Facts) => number>>;

const TEMPLATE = new RegExp(`\\{\\{\\s*\\.(${Object.keys(VALUES).join('|')})\\s*\\}\\}`, 'g');

/**
 * Replaces each template with its number.
 *
 * @example fillTemplates('{"retry_after": {{.RetryAfter}}}', decision) // '{"retry_after": 7}'
 */
export function fillTemplates(text: string, facts: Facts): string {
  return text.replace(TEMPLATE, (_, name: keyof typeof VALUES) => String(VALUES[name](facts)));
}

/** Why a text cannot be filled: it has a template of another name. Clients would receive the braces. */
export function templateFault(text: string): string | undefined {
  const left = text.replace(TEMPLATE, '');
  const at = left.indexOf('{{');
  if (at < 0) return undefined;
  const known = Object.keys(VALUES).map((name) => `{{.${name}}}`);
  const shown = /^\{\{[^{}\n]{0,40}\}\}/.exec(left.slice(at))?.[0] ?? '{{';
  return `holds ${JSON.stringify(shown)}; the templates are ${known.join(', ')}`;
}
