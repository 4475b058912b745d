/** Builds the path for the upstream: the matched bytes with a prefix removed or added, or a fixed path. */
import type { PlannedRoute } from '../config/plan-types.js';

export type Rewriting = Pick<PlannedRoute, 'pattern' | 'stripPrefix' | 'addPrefix' | 'rewritePath'>;

/**
 * `path` is the path as sent, without the query. The result begins with exactly one `/`.
 *
 * @example upstreamPath({ pattern: parsed('/api/*'), stripPrefix: true, addPrefix: '/v2' }, '/api/a%20b') // '/v2/a%20b'
 */
export function upstreamPath({ pattern, stripPrefix, addPrefix, rewritePath }: Rewriting, path: string): string {
  if (rewritePath !== undefined) return rooted(rewritePath);
  const stripped = stripPrefix ? withoutSegments(path, fixedSegments(pattern)) : path;
  if (addPrefix === undefined) return rooted(stripped);
  const prefix = rooted(addPrefix).replace(/\/{1,64}$/, '');
  return stripped === '/' && prefix !== '' ? prefix : prefix + rooted(stripped);
}

/** Whether a change of the path, or one of several hosts, may lead to a path that another route guards. */
export function deliversOtherwise(routes: readonly (Rewriting & Pick<PlannedRoute, 'host'>)[]): boolean {
  const [first] = routes;
  return routes.some(
    ({ host, rewritePath, stripPrefix, addPrefix }) =>
      host !== first?.host || rewritePath !== undefined || stripPrefix || addPrefix !== undefined,
  );
}

/** Counts the literal segments before the first parameter, so that the prefix is cut from the bytes as sent. */
function fixedSegments({ segments }: Rewriting['pattern']): number {
  const first = segments.findIndex((segment) => segment.kind === 'one');
  return first < 0 ? segments.length : first;
}

function withoutSegments(path: string, count: number): string {
  let at = 0;
  for (let cut = 0; cut < count; cut++) {
    at = path.indexOf('/', at + 1);
    if (at < 0) return '/';
  }
  return path.slice(at);
}

function rooted(path: string): string {
  let start = 0;
  while (path[start] === '/') start++;
  return `/${path.slice(start)}`;
}
