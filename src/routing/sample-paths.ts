/** Builds sample requests to compare two route tables, with one sample for each overlap of patterns. */
import type { Pattern, PatternSegment } from '../config/pattern.js';
import { coversHost, meet } from '../config/checks/patterns.js';
import type { PlannedRoute } from '../config/plan-types.js';
import { foldLiteral } from '../http/path-folding.js';

/** The paths of one pattern on one host. */
export type Region = Pick<PlannedRoute, 'host' | 'pattern'>;

/** One request of a region. It matches as few narrower regions as possible. */
export interface SamplePath {
  readonly host: string;
  readonly path: string;
  readonly region: Region;
}

/**
 * Samples of two routes are enough. A request goes to route p of one table and to route q of the other. Take the sample
 * of "p and q" with the same depth. A route that matches this sample matches every request of p and q of that depth. So
 * the sample also goes to p in one table and to q in the other.
 */
export class SamplePaths {
  readonly #fresh: string;
  /** Between two of these depths, no pattern begins or ends to match. */
  readonly #depths: readonly number[];

  constructor(regions: readonly Region[]) {
    const literals = new Set(
      regions.flatMap(({ host = '', pattern }) => [
        // Folded as the router folds them. A sample that folds to a literal of the file would represent only that
        // literal.
        ...pattern.segments.flatMap((segment) => (segment.kind === 'literal' ? foldLiteral(segment.text) : [])),
        ...host.toLowerCase().split('.'),
      ]),
    );
    let fresh = 'any';
    while (literals.has(fresh)) fresh += 'x';
    this.#fresh = fresh;
    const ends = new Set(regions.map(({ pattern }) => pattern.segments.length));
    this.#depths = [...new Set([0, ...ends].flatMap((depth) => [depth, depth + 1]))].sort((a, b) => a - b);
  }

  /**
   * Returns the shortest path of the region. A region with a rest also has one path of each depth at which other
   * patterns match.
   */
  of(region: Region): readonly SamplePath[] {
    const { segments, rest } = region.pattern;
    const texts = segments.map((segment) => (segment.kind === 'one' ? this.#fresh : segment.text));
    const depths = [texts.length, ...(rest ? this.#depths.filter((depth) => depth > texts.length) : [])];
    return depths.map((depth) => {
      const all = [...texts, ...Array.from({ length: depth - texts.length }, () => this.#fresh)];
      return { host: this.#hostOf(region), path: `/${all.map(encodeURIComponent).join('/')}`, region };
    });
  }

  #hostOf({ host }: Region): string {
    if (host === undefined) return this.#fresh;
    return host.startsWith('*.') ? `${this.#fresh}${host.slice(1)}` : host;
  }
}

/** Returns the region that both share, or undefined if they do not overlap. */
export function common(a: Region, b: Region): Region | undefined {
  if (!meet(a.pattern, b.pattern)) return undefined;
  const host = commonHost(a.host, b.host);
  if (host === null) return undefined;
  const [short, long] =
    a.pattern.segments.length <= b.pattern.segments.length ? [a.pattern, b.pattern] : [b.pattern, a.pattern];
  const segments = long.segments.map((segment, at) => narrower(segment, short.segments[at]));
  const pattern: Pattern = { segments, rest: short.rest && long.rest };
  return { pattern, ...(host !== undefined && { host }) };
}

function narrower(one: PatternSegment, other: PatternSegment | undefined): PatternSegment {
  return one.kind === 'one' && other ? other : one;
}

function commonHost(a: string | undefined, b: string | undefined): string | undefined | null {
  if (coversHost(a, b)) return b;
  return coversHost(b, a) ? a : null;
}

/** Returns a readable name such as `api.example.com/a/*`. */
export function nameOfRegion({ host = '', pattern }: Region): string {
  const parts = pattern.segments.map((segment) => (segment.kind === 'one' ? '*' : segment.text));
  return `${host}/${[...parts, ...(pattern.rest ? ['*'] : [])].join('/')}`;
}
