/** The route table: host and pattern first, then method, headers and query among the routes of that pattern alone. */
import type { IncomingHttpHeaders } from 'node:http';
import { queryValues } from '../auth/credentials.js';
import type { FieldMatch, PlannedRoute } from '../config/plan-types.js';
import { PatternTree, type Candidate } from './pattern-tree.js';
import type { Target } from './target.js';

/** What of a request chooses its route. */
export interface RouteQuestion {
  readonly host: string;
  readonly target: Target;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

export type RouteAnswer =
  | { readonly kind: 'route'; readonly route: PlannedRoute }
  | { readonly kind: 'method_not_allowed'; readonly allow: readonly string[] }
  /** Another spelling of the path is protected differently (spec §6): answered as if there were no route. */
  | { readonly kind: 'ambiguous_fold' }
  | { readonly kind: 'none' };

/** Never served: TRACE reflects credentials, CONNECT is a tunnel. */
const NEVER = new Set(['TRACE', 'CONNECT']);

export class RouteTable {
  readonly #exactHosts = new Map<string, PatternTree>();
  readonly #suffixHosts = new Map<string, PatternTree>();
  readonly #anyHost = new PatternTree('exact');
  readonly #foldedExact = new Map<string, PatternTree>();
  readonly #foldedSuffix = new Map<string, PatternTree>();
  readonly #foldedAny = new PatternTree('folded');

  constructor(routes: readonly PlannedRoute[]) {
    routes.forEach((route, order) => {
      this.#treeOf(route.host, 'exact').add(route, order);
      this.#treeOf(route.host, 'folded').add(route, order);
    });
  }

  #treeOf(host: string | undefined, spelling: 'exact' | 'folded'): PatternTree {
    if (host === undefined) return spelling === 'exact' ? this.#anyHost : this.#foldedAny;
    const wild = host.startsWith('*.');
    const exact = spelling === 'exact' ? this.#exactHosts : this.#foldedExact;
    const suffix = spelling === 'exact' ? this.#suffixHosts : this.#foldedSuffix;
    const map = wild ? suffix : exact;
    const key = wild ? host.slice(1) : host;
    let tree = map.get(key);
    if (!tree) map.set(key, (tree = new PatternTree(spelling)));
    return tree;
  }

  find(question: RouteQuestion): RouteAnswer {
    const { target } = question;
    const host = normalHost(question.host);
    const found = this.#best(host, target.segments, 'exact');
    const folded = this.#best(host, target.folded, 'folded');
    if (folded && folded !== found && differs(found, folded, target)) return { kind: 'ambiguous_fold' };
    return found ? choose(found.routes, question) : { kind: 'none' };
  }

  #best(host: string, segments: readonly string[], spelling: 'exact' | 'folded'): Candidate | undefined {
    const exact = spelling === 'exact' ? this.#exactHosts : this.#foldedExact;
    const suffix = spelling === 'exact' ? this.#suffixHosts : this.#foldedSuffix;
    const any = spelling === 'exact' ? this.#anyHost : this.#foldedAny;
    let best = exact.get(host)?.find(segments);
    for (let dot = host.indexOf('.'); dot >= 0 && suffix.size > 0; dot = host.indexOf('.', dot + 1)) {
      best = better(best, suffix.get(host.slice(dot))?.find(segments));
    }
    return better(best, any.find(segments));
  }
}

/** The earlier one has the more specific host, so only a higher priority beats it. */
function better(earlier: Candidate | undefined, later: Candidate | undefined): Candidate | undefined {
  if (!earlier || !later) return earlier ?? later;
  return later.priority > earlier.priority ? later : earlier;
}

/** Lower case, without port and trailing dot. */
export function normalHost(host: string): string {
  const name = host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : (host.split(':', 1)[0] ?? '');
  return name.toLowerCase().replace(/\.$/, '');
}

/** Whether the folded spelling leads to a requirement that is neither open nor the same. */
function differs(found: Candidate | undefined, folded: Candidate, target: Target): boolean {
  if (target.segments.every((segment, at) => segment === target.folded[at])) return false;
  const required = folded.routes.map((route) => JSON.stringify(route.requirement));
  const here = new Set(found?.routes.map((route) => JSON.stringify(route.requirement)));
  return folded.routes.some((route, at) => route.requirement.kind !== 'open' && !here.has(required[at] ?? ''));
}

function choose(routes: readonly PlannedRoute[], { method, headers, target }: RouteQuestion): RouteAnswer {
  const { query = '' } = target;
  const fits = routes.filter(
    (route) =>
      route.headers.every((match) => matches(match, valuesOf(headers, match.name))) &&
      route.query.every((match) => matches(match, queryValues(`?${query}`, match.name))),
  );
  if (fits.length === 0) return { kind: 'none' };
  const route = NEVER.has(method) ? undefined : fits.find((each) => allows(each, method));
  if (route) return { kind: 'route', route };
  return { kind: 'method_not_allowed', allow: [...new Set(fits.flatMap((each) => each.methods ?? COMMON))] };
}

const COMMON = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

function allows({ methods }: PlannedRoute, method: string): boolean {
  return !methods || methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));
}

function valuesOf(headers: IncomingHttpHeaders, name: string): readonly string[] {
  const value = headers[name.toLowerCase()];
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

const regexes = new Map<string, RegExp>();

function matches({ kind, value }: FieldMatch, values: readonly string[]): boolean {
  if (values.length === 0) return false;
  if (kind === 'present') return true;
  if (kind === 'exact') return values.every((each) => each === value);
  let regex = regexes.get(value);
  if (!regex) regexes.set(value, (regex = new RegExp(`^(?:${value.replace(/^\^|\$$/g, '')})$`, 'u')));
  return values.every((each) => regex.test(each));
}
