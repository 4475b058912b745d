/** Routes for tests of the table, and the result of a table for one request. */
import type { Requirement } from '../../src/auth/requirement.js';
import { parsePattern, type Pattern } from '../../src/config/pattern.js';
import type { PlannedRoute } from '../../src/config/plan-types.js';
import { RouteTable, type RouteAnswer } from '../../src/routing/route-table.js';
import { readTarget, type Target } from '../../src/http/target.js';

export const jwt: Requirement = { kind: 'method', name: 'jwt' };
export const apiKey: Requirement = { kind: 'method', name: 'api_key' };

export function route(id: string, path: string, more: Partial<PlannedRoute> = {}): PlannedRoute {
  return {
    id,
    path,
    pattern: parsePattern(path) as Pattern,
    headers: [],
    query: [],
    priority: 0,
    requirement: { kind: 'open' },
    declaredOpen: false,
    timeoutMs: 30_000,
    stripPrefix: false,
    allowEncodedSlash: false,
    allowedOrigins: [],
    preserveHost: true,
    maxSessionMs: 3_600_000,
    ...more,
  };
}

export interface Asked {
  readonly host?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
}

export function answer(
  table: RouteTable,
  url: string,
  { host = 'gw', method = 'GET', headers = {} }: Asked = {},
): RouteAnswer {
  return table.find({ host, target: readTarget(url) as Target, method, headers });
}

export function find(routes: readonly PlannedRoute[], url: string, asked: Asked = {}): string {
  if (readTarget(url).kind === 'bad') return 'bad_target';
  const found = answer(new RouteTable(routes), url, asked);
  return found.kind === 'route' ? found.route.id : found.kind;
}
