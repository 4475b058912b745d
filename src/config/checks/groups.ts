/** Routes by host and pattern, as the router chooses them: that pair first, then methods, headers and query within. */
import { NEVER_SERVED } from '../../http/http-methods.js';
import { METHODS } from '../../http/node-http.js';
import { patternKey, type Pattern } from '../pattern.js';
import type { PlannedRoute } from '../plan-types.js';

export interface Placed {
  readonly route: PlannedRoute;
  /** `routes[place]` in the file. */
  readonly place: number;
}

export interface Group {
  readonly host: string | undefined;
  readonly pattern: Pattern;
  /** The highest of its routes: it chooses among groups. */
  readonly priority: number;
  /** In the order in which the router tries them. */
  readonly routes: readonly Placed[];
}

export function groupRoutes(routes: readonly Placed[]): readonly Group[] {
  const groups = new Map<string, Placed[]>();
  for (const placed of routes) {
    const key = JSON.stringify([placed.route.host ?? '', patternKey(placed.route.pattern)]);
    const group = groups.get(key);
    if (group) group.push(placed);
    else groups.set(key, [placed]);
  }
  return [...groups.values()].map((members) => {
    const tried = members.sort((a, b) => b.route.priority - a.route.priority || a.place - b.place);
    const { host, pattern, priority } = (tried[0] as Placed).route;
    return { host, pattern, priority, routes: tried };
  });
}

const ALL: ReadonlySet<string> = new Set(METHODS.filter((method) => !NEVER_SERVED.has(method)));

/** The methods that a route serves: GET covers HEAD, none named means all. */
export function methodsServed({ methods }: PlannedRoute): ReadonlySet<string> {
  if (!methods) return ALL;
  return new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods);
}

export interface Conditions {
  readonly text: string;
  readonly parts: ReadonlySet<string>;
}

/** What a route asks of headers and query, comparable. */
export function conditionsOf({ headers, query }: PlannedRoute): Conditions {
  const parts = [
    ...headers.map(({ name, value }) => JSON.stringify(['header', name.toLowerCase(), value])),
    ...query.map(({ name, value }) => JSON.stringify(['query', name, value])),
  ].sort();
  return { text: parts.join(), parts: new Set(parts) };
}
