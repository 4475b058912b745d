/** Relations between patterns, and between the hosts that routes name. */
import type { Pattern, PatternSegment } from '../pattern.js';

/** Whether every path of `b` is a path of `a`. */
export function covers(a: Pattern, b: Pattern): boolean {
  if (a.segments.length > b.segments.length) return false;
  if (!a.rest && (b.rest || a.segments.length !== b.segments.length)) return false;
  return a.segments.every((segment, at) => segment.kind === 'one' || same(segment, b.segments[at]));
}

/** Whether some path is one of both; a difference in case does not count, for many upstreams ignore it. */
export function meet(a: Pattern, b: Pattern): boolean {
  const [short, long] = a.segments.length <= b.segments.length ? [a, b] : [b, a];
  if (!short.rest && short.segments.length !== long.segments.length) return false;
  return short.segments.every((segment, at) => {
    const other = long.segments[at];
    if (segment.kind === 'one' || other?.kind !== 'literal') return true;
    return segment.text === other.text || segment.text.toLowerCase() === other.text.toLowerCase();
  });
}

function same(a: PatternSegment & { kind: 'literal' }, b: PatternSegment | undefined): boolean {
  return b?.kind === 'literal' && b.text === a.text;
}

/** Whether every host of `b` is one of `a`; undefined is any host. */
export function coversHost(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || a === b) return true;
  return b !== undefined && a.startsWith('*.') && b.length > a.length - 1 && b.endsWith(a.slice(1));
}
