/** The request target (RFC 9112 §3.2): read once, refused where two readers could differ on it. */

export interface Target {
  readonly kind: 'target';
  /** Path and query, as sent. */
  readonly raw: string;
  /** The bytes of the path as sent, without the query. */
  readonly path: string;
  readonly query: string | undefined;
  /** Each decoded once; one trailing slash ignored. */
  readonly segments: readonly string[];
  /** Decoded, NFKC, lower case, trailing dots and spaces dropped: what a lenient upstream might make of it. */
  readonly folded: readonly string[];
  /** `%2f` stands in it: only for a route that says `allow_encoded_slash`. */
  readonly hasEncodedSlash: boolean;
}

export interface BadTarget {
  readonly kind: 'bad';
  readonly reason: 'form' | 'character' | 'escape' | 'segment';
}

const bad = (reason: BadTarget['reason']): BadTarget => ({ kind: 'bad', reason });

/** Letters, digits and the marks that every reader takes the same way; the common path needs nothing more. */
const PLAIN = /^(?:\/[A-Za-z0-9_~!$&'()*+,:=@-][A-Za-z0-9_~!$&'()*+,:=@.-]*)+\/?$|^\/$/;
/** Visible ASCII without `#` and `\`; `;` opens path parameters that upstreams drop (CVE-2026-73511). */
const ALLOWED = /^[!"$-:<-[\]-~]*$/;
const ALLOWED_QUERY = /^[!"$-[\]-~]*$/;

/**
 * Reads an origin-form target.
 *
 * @example readTarget('/a%20b/c?x=1') // { segments: ['a b', 'c'], query: 'x=1', … }
 */
export function readTarget(url: string): Target | BadTarget {
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  const query = at < 0 ? undefined : url.slice(at + 1);
  if (query !== undefined && !ALLOWED_QUERY.test(query)) return bad('character');
  if (PLAIN.test(path)) return plain(url, path, query);
  if (path[0] !== '/') return bad('form');
  if (!ALLOWED.test(path)) return bad('character');
  if (path.includes('//')) return bad('segment');
  return escaped(url, path, query);
}

function plain(raw: string, path: string, query: string | undefined): Target | BadTarget {
  const segments = split(path);
  return { kind: 'target', raw, path, query, segments, folded: segments.map(fold), hasEncodedSlash: false };
}

function escaped(raw: string, path: string, query: string | undefined): Target | BadTarget {
  const hasEncodedSlash = /%2f/i.test(path);
  const segments: string[] = [];
  for (const segment of split(path)) {
    const decoded = decodeSegment(segment);
    if (decoded === undefined) return bad('escape');
    if (isDots(decoded) || (hasEncodedSlash && decoded.split('/').some(isDotsOrEmpty))) return bad('segment');
    segments.push(decoded);
  }
  return { kind: 'target', raw, path, query, segments, folded: segments.map(fold), hasEncodedSlash };
}

/** `/a/b/` and `/a/b` are the same two segments; `/` has none. */
function split(path: string): readonly string[] {
  if (path === '/') return [];
  const end = path.endsWith('/') ? path.length - 1 : path.length;
  return path.slice(1, end).split('/');
}

function isDots(segment: string): boolean {
  return segment === '.' || segment === '..';
}

function isDotsOrEmpty(segment: string): boolean {
  return segment === '' || isDots(segment);
}

/** One decoding, or undefined where the escapes are broken, double, or hide a separator or a control byte. */
function decodeSegment(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  if (/%25[0-9a-f]{2}/i.test(segment) || /%(?:5c|3b|23|3f)/i.test(segment)) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    return undefined;
  }
  // eslint-disable-next-line no-control-regex
  return /[\u0000-\u001f\u007f-\u009f]/.test(decoded) ? undefined : decoded;
}

function fold(segment: string): string {
  return segment
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[. ]+$/, '');
}
