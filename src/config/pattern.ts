/** Path patterns of routes: `/a` exact, `/a/*` a prefix at a segment boundary, `:id`, `{id}` and `*` one segment. */
import { hasControlCharacter } from '../lib/control-character.js';

/** One segment of a pattern; literals are decoded once. */
export type PatternSegment = { readonly kind: 'literal'; readonly text: string } | { readonly kind: 'one' };

export interface Pattern {
  readonly segments: readonly PatternSegment[];
  /** A trailing `/*`: these segments and everything below them. */
  readonly rest: boolean;
}

/** A pattern that cannot be read, and why. */
export interface BadPattern {
  readonly fault: string;
}

const ONE: PatternSegment = { kind: 'one' };
const NAMED = /^(?::[A-Za-z_]\w*|\{[A-Za-z_]\w*\}|\*)$/;
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0020\u007f?#;\\"<>^`|]/;

/**
 * @example parsePattern('/a/:id/*') // { segments: [{ kind: 'literal', text: 'a' }, { kind: 'one' }], rest: true }
 */
export function parsePattern(text: string): Pattern | BadPattern {
  if (!text.startsWith('/')) return { fault: 'must begin with "/"' };
  if (text.length > 2048) return { fault: 'must be at most 2048 characters' };
  if (FORBIDDEN.test(text)) return { fault: 'must hold a path alone: no query, fragment, ";", "\\" or white space' };
  const written = text.slice(1).split('/');
  // As in requests, one trailing slash counts for nothing.
  if (written.at(-1) === '') written.pop();
  const rest = written.at(-1) === '*';
  if (rest) written.pop();
  const segments: PatternSegment[] = [];
  for (const segment of written) {
    const read = readSegment(segment);
    if (typeof read === 'string') return { fault: read };
    segments.push(read);
  }
  return { segments, rest };
}

function readSegment(segment: string): PatternSegment | string {
  if (segment === '') return 'must not hold "//"';
  if (NAMED.test(segment)) return ONE;
  if (segment.startsWith(':')) return 'a parameter is ":" and a name of letters, digits and "_"';
  if (/[*{}]/.test(segment)) return '"*", "{" and "}" must be a whole segment; "*" at the end matches all below';
  const decoded = decodeOnce(segment);
  if (decoded === undefined) return 'holds a percent escape that no request path may hold';
  if (/^\.{1,2}$/.test(decoded)) return 'must not hold "." or ".." segments';
  return { kind: 'literal', text: decoded };
}

/** The canonical form of requests refuses the same escapes (docs/security.md), so such a pattern could never match. */
function decodeOnce(segment: string): string | undefined {
  if (/%(?![0-9a-f]{2})/i.test(segment) || /%(?:2f|5c|00|25[0-9a-f]{2})/i.test(segment)) return undefined;
  try {
    const decoded = decodeURIComponent(segment);
    return hasControlCharacter(decoded) ? undefined : decoded;
  } catch {
    return undefined;
  }
}

/** Equal for patterns that match the same paths. */
export function patternKey({ segments, rest }: Pattern): string {
  const parts = segments.map((segment) => (segment.kind === 'one' ? '*' : `=${segment.text}`));
  return `/${parts.join('/')}${rest ? '/**' : ''}`;
}
