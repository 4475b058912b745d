/** From the blocks of a file to its plan. */
import { methods as registry } from '../../auth/methods.js';
import type { HeaderRule } from '../../auth/header-rule.js';
import type { Requirement } from '../../auth/requirement.js';
import { readBlocks, type Blocks } from '../blocks.js';
import type { Context } from '../context.js';
import type { Plan, PlannedRoute } from '../plan-types.js';
import { hint } from '../suggest.js';
import { AUTH, readMethods, Roster } from './methods.js';
import { planLimit } from './limit.js';
import { planListeners } from './listeners.js';
import { planLogging } from './logging.js';
import { withListeners } from './listener-mtls.js';
import { readPolicy } from './policy.js';
import { RequirementReader } from './requirement.js';
import { planRoute } from './routes.js';
import { planUpstreams } from './upstreams.js';

/** The plan, and what the checks of the whole file need besides. */
export interface Draft {
  readonly plan: Omit<Plan, 'warnings'>;
  readonly blocks: Blocks;
  readonly roster: Roster;
  /** The place of each planned route in the file: `routes[places[i]]`. */
  readonly places: readonly number[];
}

export function draftPlan(context: Context): Draft {
  const blocks = readBlocks(context);
  const listeners = planListeners(blocks.listeners, context);
  const roster = new Roster(
    readMethods(context).map((entry) => withListeners(entry, listeners, context)),
    blocks.plugins.map(({ value }) => value.name),
  );
  checkMiddleware(context);
  const reader = new RequirementReader(context, roster, readPolicy(context, roster));
  const routes = planRoutes(context, blocks, reader);
  const unmatched = unmatchedOf(context, roster, reader);
  const methods = roster.planned();
  const plan = {
    file: context.source.file,
    methods,
    routes: routes.map(({ route }) => route),
    ...(unmatched && { unmatched }),
    upstreams: planUpstreams(blocks.upstreams, context),
    listeners,
    ...planLimit(blocks.rate_limit),
    logging: planLogging(blocks.logging),
    identityHeaders: identityHeaders([
      ...methods.flatMap(({ headers }) => headers),
      ...roster.disabledHeaders,
      ...listeners.flatMap(({ tls }) => tls?.clientCertHeaders ?? []),
    ]),
    trustedProxies: blocks.trusted_proxies.map(({ value }) => value),
  };
  return { plan, blocks, roster, places: routes.map(({ place }) => place) };
}

function checkMiddleware(context: Context): void {
  const { report } = context;
  if (!context.has(['middleware'])) return;
  const keys = context.keys(['middleware']);
  if (keys.length === 0)
    report.error({ path: ['middleware'], code: 'wrong_type', message: 'must be a mapping with auth' });
  if (context.has(AUTH) && context.keys(AUTH).length === 0) {
    report.error({ path: AUTH, code: 'wrong_type', message: 'must be a mapping, and not empty' });
  }
  for (const key of keys) {
    if (key === 'auth') continue;
    report.error({
      path: ['middleware', key],
      code: 'unknown_key',
      message: `unknown key${hint(key, ['auth'])}`,
      at: 'key',
    });
  }
}

interface PlacedRoute {
  readonly route: PlannedRoute;
  readonly place: number;
}

function planRoutes(context: Context, blocks: Blocks, reader: RequirementReader): readonly PlacedRoute[] {
  const hostAnswers = context.mode === 'middleware' && !context.has(['upstreams']);
  return blocks.routes.flatMap(({ value, path }) => {
    const access = reader.read([...path, 'auth']);
    if (!access) return [];
    // With no upstreams at all, the host application answers, as for a route without one.
    const block = hostAnswers ? { ...value, upstream: undefined } : value;
    return [{ route: planRoute({ value: block, path }, access), place: Number(path[1]) }];
  });
}

function unmatchedOf(context: Context, roster: Roster, reader: RequirementReader): Requirement | undefined {
  // A gateway of its own answers 404 there.
  if (context.mode === 'serve') return undefined;
  if (context.has(['routes'])) return reader.chain;
  // A block whose name is misspelt is no second mistake.
  return roster.usable.length === 0 && context.report.mistaken ? undefined : reader.fallback(AUTH);
}

/** Each header once, whatever its case. */
function identityHeaders(rules: readonly HeaderRule[]): readonly string[] {
  const seen = new Map<string, string>();
  for (const { header } of rules) if (!seen.has(header.toLowerCase())) seen.set(header.toLowerCase(), header);
  return [...seen.values()];
}

/** Names that a strategy of the host cannot have: the file uses them for something else. */
export const RESERVED = new Set([
  ...registry.map(({ name }) => name),
  ...['jwt', 'none', 'chain', 'require', 'require_any', 'on_invalid', 'methods', 'narrow', 'plugin', 'enabled'],
]);
