/** Reads the request target (RFC 9112 §3.2) once, and refuses it if two readers could read it differently. */
import { hasMarkOrLookalike } from './path-cuts.js';
import { hasEscape, isDots, readingsOf, type Reading } from './path-folding.js';

export interface Target {
  readonly kind: 'target';
  /** The path and the query as sent. For an absolute-form target, the part after the authority. */
  readonly raw: string;
  /** The bytes of the path as sent, without the query. */
  readonly path: string;
  readonly query: string | undefined;
  /** The segments, each decoded once. One trailing slash is ignored. */
  readonly segments: readonly string[];
  /** The other readings that lenient upstreams may use for the path (`path-folding.ts`). */
  readonly readings: readonly Reading[];
  /** Whether some upstreams end the path or a segment at a `;`, `?` or `#` of the decoded path. */
  readonly hasCut: boolean;
  /** Whether the path contains `%2f`. Only a route with `allow_encoded_slash` accepts it. */
  readonly hasEncodedSlash: boolean;
}

export type BadTargetReason = 'form' | 'character' | 'escape' | 'segment' | 'too_many_segments' | 'too_many_readings';

export interface BadTarget {
  readonly kind: 'bad';
  readonly reason: BadTargetReason;
}

export interface TargetOptions {
  /** The value of `Host`. An absolute-form target is accepted only with the same authority. */
  readonly host?: string;
  /** The maximum number of segments in any reading of the path. Default: no limit. */
  readonly maxSegments?: number;
}

const bad = (reason: BadTarget['reason']): BadTarget => ({ kind: 'bad', reason });

/** Letters, digits and the marks that every reader reads in the same way. Common paths match. */
const PLAIN = /^(?:\/[A-Za-z0-9_~!$&'()*,:=@-][A-Za-z0-9_~!$&'()*+,:=@.-]*)+\/?$|^\/$/;
/** The parts of a plain path that some upstreams read differently. */
const FOLDABLE = /[A-Z+]|\.(?:\/|$)/;
/** Visible ASCII without `#` and `\`. */
const ALLOWED = /^[!"$-[\]-~]*$/;
/** Browsers do not encode `\` in a query. */
const ALLOWED_QUERY = /^[!"$-~]*$/;

/**
 * Reads an origin-form target, or an absolute-form one of the same authority.
 *
 * @example readTarget('/a%20b/c?x=1') // { segments: ['a b', 'c'], query: 'x=1', … }
 */
export function readTarget(url: string, options: TargetOptions = {}): Target | BadTarget {
  const raw = url.charCodeAt(0) === 0x2f ? url : originForm(url, options.host);
  if (raw === undefined) return bad('form');
  const at = raw.indexOf('?');
  const path = at < 0 ? raw : raw.slice(0, at);
  const query = at < 0 ? undefined : raw.slice(at + 1);
  const { maxSegments = Infinity } = options;
  if (hasMoreSegments(path, maxSegments)) return bad('too_many_segments');
  if (query !== undefined && !ALLOWED_QUERY.test(query)) return bad('character');
  if (PLAIN.test(path) && !FOLDABLE.test(path)) {
    const segments = split(path);
    return { kind: 'target', raw, path, query, segments, readings: [], hasCut: false, hasEncodedSlash: false };
  }
  if (!ALLOWED.test(path)) return bad('character');
  if (path.includes('//')) return bad('segment');
  return escaped({ raw, path, query }, maxSegments);
}

/** Stops at the first segment above the limit, so that a long path costs no more than a short one. */
function hasMoreSegments(path: string, most: number): boolean {
  let count = 0;
  for (let at = path.indexOf('/'); at >= 0 && at < path.length - 1; at = path.indexOf('/', at + 1)) {
    if (++count > most) return true;
  }
  return false;
}

/**
 * RFC 9112 §3.2.2: the authority of an absolute-form target replaces `Host`, so only an equal authority is unambiguous.
 */
function originForm(url: string, host: string | undefined): string | undefined {
  const [, authority, rest = ''] = /^https?:\/\/([^/?#\\@]+)([/?].*)?$/is.exec(url) ?? [];
  if (host === undefined || authority?.toLowerCase() !== host.toLowerCase()) return undefined;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function escaped(sent: Pick<Target, 'raw' | 'path' | 'query'>, maxSegments: number): Target | BadTarget {
  const { path } = sent;
  const hasEncodedSlash = /%2f/i.test(path);
  const segments: string[] = [];
  for (const segment of split(path)) {
    const decoded = decodeSegment(segment);
    if (decoded === undefined) return bad('escape');
    if (isDots(decoded) || (hasEncodedSlash && decoded.split('/').some(isDotsOrEmpty))) return bad('segment');
    segments.push(decoded);
  }
  const readings = readingsOf(segments);
  if (typeof readings === 'string') return bad(readings === 'treacherous' ? 'segment' : readings);
  // An upstream that decodes `%2f` or normalizes a full-width slash matches more segments than the client sent.
  if (readings.some((reading) => reading.segments.length > maxSegments)) return bad('too_many_segments');
  return { kind: 'target', ...sent, segments, readings, hasCut: hasMarkOrLookalike(segments), hasEncodedSlash };
}

/** `/a/b/` and `/a/b` are the same two segments. `/` has no segments. */
function split(path: string): readonly string[] {
  if (path === '/') return [];
  const end = path.endsWith('/') ? path.length - 1 : path.length;
  return path.slice(1, end).split('/');
}

function isDotsOrEmpty(segment: string): boolean {
  return segment === '' || isDots(segment);
}

/**
 * Decodes a segment once. Returns undefined if the escapes are invalid, double, or hide a separator or a control byte.
 */
function decodeSegment(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  if (/%5c/i.test(segment)) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    return undefined;
  }
  return /\p{Cc}/u.test(decoded) || hasEscape(decoded) ? undefined : decoded;
}
