/** Who may pass each file of the page, written down by hand from the page's words, and whether a changed file still asks for it. */
import { parse } from 'yaml';
import type { Requirement } from '../../../src/auth/requirement.js';
import { ConfigError, type Diagnostic } from '../../../src/config/diagnostics.js';
import { compileFile, type Compiled } from '../../../src/config/index.js';
import type { PlannedRoute } from '../../../src/config/plan-types.js';
import { pageBlocks, pageFile } from '../page-blocks.js';

/** Sets of auth methods. A request passes if it satisfies every method of one set. */
type Ways = readonly (readonly string[])[];

export interface PageCase {
  readonly name: string;
  readonly mode: 'middleware' | 'serve';
  readonly text: string;
  /** A request that must not pass without a credential, and what its route asks for. */
  readonly guarded: Readonly<Record<string, Ways>>;
  /** The file has routes and no chain. As middleware, a request that no route matches goes on (docs/express.md). */
  readonly routed: boolean;
}

const AUTH_HEAD = 'middleware:\n  auth:\n';

/** Blocks 0, 3 and more under one `middleware.auth`, verbatim with their comments. */
function verbatim(auth: readonly number[], others: readonly number[]): string {
  const parts = auth.map((at) => (pageBlocks[at] as string).slice(AUTH_HEAD.length));
  return [AUTH_HEAD + parts.join('\n'), ...others.map((at) => pageBlocks[at] as string)].join('\n');
}

const UPSTREAMS = '\nupstreams:\n  - name: backend\n    endpoints:\n      - "api.internal:8080"\n';

const KEY: Ways = [['api_key']];
const JWT: Ways = [['jwt']];
const EITHER: Ways = [['jwt'], ['api_key']];
const MTLS: Ways = [['mtls']];

const everything = (ways: Ways): PageCase['guarded'] => ({ '/': ways, '/public/x': ways, '/internal/x/y': ways });
const whole = (block: number, ways: Ways, text = pageFile(block)): PageCase => ({
  name: `block ${block}`,
  mode: 'middleware',
  text,
  guarded: everything(ways),
  routed: false,
});

const PER_ROUTE = { '/api/v1/x': KEY, '/internal/x': JWT, '/internal': JWT, '/service/x': MTLS };
const COMPLETE = { '/api/x': EITHER, '/api': EITHER };

export const PAGE_CASES: readonly PageCase[] = [
  whole(0, KEY),
  whole(1, KEY),
  whole(2, [['basic']]),
  whole(3, JWT),
  whole(4, JWT),
  whole(5, JWT),
  whole(6, [['oauth']]),
  whole(7, [['oauth']]),
  whole(8, MTLS),
  whole(9, MTLS),
  whole(11, EITHER, verbatim([0, 3, 11], [])),
  whole(12, JWT),
  { name: 'block 10', mode: 'middleware', text: verbatim([0, 3], [8, 10]), guarded: PER_ROUTE, routed: true },
  { name: 'block 10', mode: 'serve', text: verbatim([0, 3], [8, 10]) + UPSTREAMS, guarded: PER_ROUTE, routed: true },
  { name: 'block 13', mode: 'middleware', text: pageFile(13), guarded: COMPLETE, routed: true },
  { name: 'block 13', mode: 'serve', text: pageFile(13), guarded: COMPLETE, routed: true },
];

/**
 * - `refused`: one ConfigError.
 * - `closed`: every required credential is still required.
 * - `no route`: the 404 of a gateway.
 * - `another method`: no routes are left, and every request needs the only enabled auth method.
 * - `passes by`: as middleware without a chain, no route matches.
 * - `public`: the route has no `auth` any more, and there is no chain (docs/gateway.md).
 * - `on purpose`: the file contains `none` or `require: false` literally (docs/gateway.md).
 */
export type Outcome = 'refused' | 'closed' | 'another method' | 'no route' | 'passes by' | 'public' | 'on purpose';

export interface Judged {
  /** The laxest over all guarded requests. */
  readonly outcome: Outcome;
  /** That of each guarded request, in order. */
  readonly each: readonly Outcome[];
  /** The rules for credentials that are gone. Each of them was reported. */
  readonly loosened: readonly string[];
}

const RANK: readonly Outcome[] = [
  'refused',
  'closed',
  'another method',
  'no route',
  'passes by',
  'public',
  'on purpose',
];

/** Throws where a door stands open that spec.md does not open. */
export function judge(page: PageCase, text: string): Judged {
  const compiled = compileOf(page, text);
  if (!compiled) return { outcome: 'refused', each: [], loosened: [] };
  const document = parse(text, { uniqueKeys: false, logLevel: 'silent' }) as unknown;
  const each = Object.entries(page.guarded).map(([path, ways]) =>
    new Request(page, path, ways).in(compiled, document, text),
  );
  const outcome = each.reduce((lax, one) => (RANK.indexOf(one) > RANK.indexOf(lax) ? one : lax), 'closed');
  return { outcome, each, loosened: loosenedIn(compiled) };
}

function compileOf({ mode }: PageCase, text: string, strict = false): Compiled | undefined {
  try {
    return compileFile({ text, file: 'loom.yaml' }, { mode, env: {}, strict });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (!error.diagnostics.some(({ level }) => level === 'error'))
      throw new Error('a ConfigError without an error', { cause: error });
    return undefined;
  }
}

/** What the page's routes have. */
const ROUTE_KEYS = new Set(['id', 'path', 'upstream', 'auth']);

class Request {
  constructor(
    private readonly page: PageCase,
    private readonly path: string,
    private readonly ways: Ways,
  ) {}

  in({ plan, warnings }: Compiled, document: unknown, text: string): Outcome {
    const place = placeOf(plan.routes, this.path);
    const route = plan.routes[place];
    if (!route) return this.#unmatched(plan.unmatched, document as object);
    for (const name of waysOf(route.requirement).flat()) {
      if (!plan.methods.some((method) => method.name === name)) throw new Error(`nothing knows the method ${name}`);
    }
    if (this.#isCovered(route.requirement)) return 'closed';
    // Every route of the page's files is planned, so places in the plan are places in the file.
    const written = (document as { routes: readonly Readonly<Record<string, unknown>>[] }).routes[place] ?? {};
    const { requirement } = route;
    const stranger = Object.keys(written).find((key) => !ROUTE_KEYS.has(key));
    if (stranger !== undefined)
      throw new Error(`${this.path} asks for less, and ${JSON.stringify(stranger)} went unnoticed`);
    if (requirement.kind === 'open' && (written['auth'] === 'none' || saysFalse(written))) return 'on purpose';
    if (requirement.kind === 'optional' && this.#isCovered(requirement.of) && saysFalse(written)) return 'on purpose';
    if (requirement.kind === 'open') return this.#public({ route, written, place, warnings, text });
    throw new Error(`${this.path} asks for less: ${JSON.stringify(route.requirement)}`);
  }

  #unmatched(requirement: Requirement | undefined, document: object): Outcome {
    if (this.page.mode === 'serve') return 'no route';
    if (requirement && this.#isCovered(requirement)) return 'closed';
    if (!requirement && this.page.routed) return 'passes by';
    if (requirement?.kind === 'method' && this.page.routed && !('routes' in document)) return 'another method';
    throw new Error(`${this.path} goes by`);
  }

  #public(found: {
    readonly route: PlannedRoute;
    readonly written: Readonly<Record<string, unknown>>;
    readonly place: number;
    readonly warnings: readonly Diagnostic[];
    readonly text: string;
  }): Outcome {
    const { route, written, place, warnings, text } = found;
    if (!this.page.routed || 'auth' in written)
      throw new Error(`${this.path} is open in spite of ${JSON.stringify(written)}`);
    if (route.declaredOpen) throw new Error(`${this.path} is taken for open on purpose`);
    const told = warnings.some(({ code, path }) => code === 'public_route' && path === `routes[${place}]`);
    if (!told) throw new Error(`${this.path} is open, and no warning says so`);
    if (compileOf(this.page, text, true)) throw new Error(`${this.path} is open, and --strict takes it`);
    return 'public';
  }

  #isCovered(requirement: Requirement): boolean {
    const asked = waysOf(requirement);
    return (
      asked.length > 0 && asked.every((way) => this.ways.some((old) => old.every((method) => way.includes(method))))
    );
  }
}

function saysFalse({ auth }: Readonly<Record<string, unknown>>): boolean {
  return typeof auth === 'object' && auth !== null && 'require' in auth && auth.require === false;
}

/** All ways to satisfy it; the empty one satisfies by nothing. */
function waysOf(requirement: Requirement): Ways {
  switch (requirement.kind) {
    case 'open':
    case 'optional':
      return [[]];
    case 'method':
      return [[requirement.name]];
    case 'any':
      return requirement.of.flatMap(waysOf);
    case 'all':
      return requirement.of.map(waysOf).reduce((all, some) => all.flatMap((a) => some.map((b) => [...a, ...b])));
  }
}

/** The route that a path takes, told from the patterns as they are written; none on the page has a host or methods. */
function placeOf(routes: readonly PlannedRoute[], path: string): number {
  const scores = routes.map(({ path: pattern }) => scoreOf(pattern, path));
  const best = Math.max(0, ...scores);
  return best === 0 ? -1 : scores.indexOf(best);
}

function scoreOf(pattern: string, path: string): number {
  const wanted = pattern.replace(/\/$/, '').split('/').slice(1);
  const given = path.replace(/\/$/, '').split('/').slice(1);
  const rest = wanted.at(-1) === '*';
  if (rest) wanted.pop();
  if (given.length < wanted.length || (!rest && given.length > wanted.length)) return 0;
  const exact = wanted.map((segment, i) => (segment === given[i] ? 3 : /^(?::\w+|\{\w+\}|\*)$/.test(segment) ? 2 : 0));
  if (exact.includes(0)) return 0;
  return Number(`${exact.join('')}${rest ? 1 : 9}`.padEnd(12, '0'));
}

/** What a token, a key or a certificate need no longer be, and the message that must say so. */
function loosenedIn({ plan, warnings }: Compiled): readonly string[] {
  const loosened: string[] = [];
  const require = (what: string, words: RegExp): void => {
    loosened.push(what);
    if (!warnings.some(({ message }) => words.test(message))) throw new Error(`${what}, and no warning says so`);
  };
  for (const { type, options } of plan.methods) {
    if (type !== 'jwt') continue;
    const block = options as Readonly<Record<string, unknown>>;
    const issuers = (block['issuers'] as readonly Readonly<Record<string, unknown>>[] | undefined) ?? [block];
    for (const issuer of issuers) {
      if (issuer['issuer'] === undefined) require('any issuer', /ANY ISSUER/);
      if ((issuer['audience'] ?? block['audience']) === undefined) require('any audience', /ANY AUDIENCE/);
      const keys = ['jwks_url', 'secret', 'public_key', 'issuer'].some(
        (key) => (issuer[key] ?? block[key]) !== undefined,
      );
      if (!keys) throw new Error('a token needs no key');
    }
  }
  if (plan.methods.some(({ type }) => type === 'mtls')) {
    const asking = plan.listeners.flatMap(({ tls }) => (tls && tls.clientAuth !== 'none' ? [tls] : []));
    if (asking.length === 0 || asking.some(({ caFile }) => !caFile)) throw new Error('any certificate will do');
  }
  return [...new Set(loosened)].sort();
}
