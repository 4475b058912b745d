/** `opens`: guarded regions that a reload may open, each by its exact path. */
import { parsePattern, patternKey, type Pattern } from './pattern.js';
import type { PlannedOpening, PlannedRoute } from './plan-types.js';

/** The paths of one pattern, on one host or on all. */
type Region = Pick<PlannedRoute, 'host' | 'pattern'>;

/**
 * An entry of `opens`; a string says why it is none.
 *
 * @example readOpening('api.example.com/admin/*') // { text: '…', host: 'api.example.com', pattern: { … } }
 */
export function readOpening(text: string, isHost: (host: string) => boolean): PlannedOpening | string {
  const slash = text.indexOf('/');
  const host = text.slice(0, Math.max(slash, 0));
  if (slash < 0 || (host !== '' && !isHost(host))) return 'must be a path pattern, or a host name and a path pattern';
  const pattern = parsePattern(text.slice(slash));
  if ('fault' in pattern) return `${text.slice(slash)} ${pattern.fault}`;
  return { text, pattern, ...(host !== '' && { host: host.toLowerCase() }) };
}

/** Whether the entry names this very region: neither a part of it nor what is around it. */
export function names({ host, pattern }: PlannedOpening, region: Region): boolean {
  return (host === undefined || host === region.host) && patternKey(pattern) === patternKey(region.pattern);
}

/**
 * A region as an entry of `opens` and as the `path` of a route.
 *
 * @example pathOf({ segments: [{ kind: 'literal', text: 'a' }, { kind: 'one' }], rest: false }) // '/a/:any'
 */
export function pathOf({ segments, rest }: Pattern): string {
  // A trailing `*` would cover all below.
  const parts = segments.map((segment) =>
    segment.kind === 'one' ? ':any' : encodeURIComponent(segment.text).replaceAll('*', '%2A'),
  );
  return `/${[...parts, ...(rest ? ['*'] : [])].join('/')}`;
}
