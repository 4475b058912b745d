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
  if (text.length > 2048) return { fault: 'must be at most 2048 characters' };
  const foreign = foreignPattern(text);
  if (foreign !== undefined) return { fault: foreign };
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

const HOW = '"/api/*" is everything below /api, "/users/:id" has one segment for :id';

/** Paths in the notation of other products: regular expressions, globs and URLs. */
function foreignPattern(text: string): string | undefined {
  if (/^~?\*?\s*\^|\.[*+]|\(\?|\\[dwsb./]|\[[^\][-]*-[^\][]*\]|\$$|[+?]\)|\)[*+?]$/.test(text)) {
    const pattern = fromRegex(text);
    const write = pattern === undefined ? '' : `; write ${JSON.stringify(pattern)}`;
    return `must be a pattern, not a regular expression: ${HOW}${write}`;
  }
  if (/^https?:\/\//i.test(text)) return 'must be a path alone; the host name belongs in "host"';
  if (text.endsWith('/**')) return `must be a pattern: write ${JSON.stringify(text.slice(0, -1))} for everything below`;
  const glob = /^(\/[\w~./-]*[\w~-])\*$/.exec(text)?.[1];
  if (glob !== undefined) return `must be a pattern: write ${JSON.stringify(`${glob}/*`)} for everything below ${glob}`;
  const named = text.replace(/<(?:\w+:)?(\w+)>|\[(\w+)\]/g, (_, a?: string, b?: string) => `:${a ?? b ?? ''}`);
  if (named !== text && named.startsWith('/')) return `must be a pattern: write ${JSON.stringify(named)}`;
  if (text === '*') return 'must begin with "/": write "/*" for every path';
  if (!text.startsWith('/'))
    return /^[\w-][\w./*:-]*$/.test(text)
      ? `must begin with "/": write ${JSON.stringify(`/${text}`)}`
      : 'must begin with "/"';
  return undefined;
}

/** The pattern that a simple regular expression means. */
function fromRegex(text: string): string | undefined {
  const bare = text
    .replace(/^~?\*?\s*\^?/, '')
    .replace(/\$$/, '')
    .replace(/\\([./-])/g, '$1');
  const below = bare.replace(/\/?(?:\(\/?\.[*+]\)\??|\/?\.[*+]|\(\/\.\*\)\?|\(\/\|\$\)|\(\?:\/\.\*\)\?)$/, '/*');
  const named = below.replace(
    /\((?:\?<(\w+)>)?(?:\[[^\][]*\]|\\[dw])[+*]?\)|\[[^\][]*\][+*]|\\[dw][+*]/g,
    (_, name?: string) => `:${name ?? 'id'}`,
  );
  const pattern = named.startsWith('/') ? named : `/${named}`;
  return /^(?:\/(?::\w+|[\w~.-]+))*(?:\/\*)?$/.test(pattern) && pattern !== '' ? pattern : undefined;
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
