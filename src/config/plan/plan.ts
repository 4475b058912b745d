/** From the blocks of a file to its plan. A block's reader loads when a file has the block. */
import { createRequire } from 'node:module';
import type { HeaderRule } from '../../auth/header-rule.js';
import type { Requirement } from '../../auth/requirement.js';
import { readBlocks, type Blocks } from '../blocks.js';
import type { Context } from '../context.js';
import type {
  Plan,
  PlannedLogging,
  PlannedOpening,
  PlannedRoute,
  PlannedShutdown,
  PlannedUpstream,
} from '../plan-types.js';
import { BLOCKS } from '../schema/file.js';
import { hintFor } from '../hints/hint-for.js';
import type * as Opens from '../opens.js';
import type { LoggingBlock } from '../schema/logging.js';
import { AUTH, readMethods, Roster, type Entry } from './methods.js';
import type * as Cors from './cors.js';
import type * as Limit from './limit.js';
import type * as Listeners from './listeners.js';
import type * as Operations from './operations.js';
import type * as ListenerMtls from './listener-mtls.js';
import { readPlugins } from './plugins.js';
import { readPolicy } from './policy.js';
import { RequiredPlugins } from './required-plugins.js';
import { RequirementReader } from './requirement.js';
import type * as Routes from './routes.js';
import type * as Upstreams from './upstreams.js';

const require = createRequire(import.meta.url);

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
  const listeners = listenersOf(blocks, context);
  const upstreams = upstreamsOf(blocks, context);
  const roster = new Roster([
    ...readMethods(context).map((entry) => withCertificates(entry, listeners, context)),
    ...readPlugins(blocks.plugins, upstreams, context),
  ]);
  checkMiddleware(context);
  const policy = readPolicy(context, roster);
  const reader = new RequirementReader(context, roster, policy);
  const plugins = new RequiredPlugins(policy.plugins, roster, context);
  const routes = planRoutes(context, blocks, { reader, plugins, upstreams });
  const unmatched = unmatchedOf(context, roster, { reader, plugins });
  const methods = roster.planned();
  const plan = {
    file: context.source.file,
    methods,
    routes: routes.map(({ route }) => route),
    ...(unmatched && { unmatched }),
    upstreams,
    listeners,
    ...limitOf(blocks, methods, context),
    ...corsOf(blocks, methods),
    logging: planLogging(blocks.logging),
    ...operationsOf(blocks),
    ...(blocks.health && { health: blocks.health }),
    shutdown: planShutdown(blocks.shutdown),
    identityHeaders: identityHeaders([
      ...methods.flatMap(({ headers }) => headers),
      ...roster.disabledHeaders,
      ...listeners.flatMap(({ tls }) => tls?.clientCertHeaders ?? []),
    ]),
    ...planOpens(blocks),
    trustedProxies: blocks.trusted_proxies.map(({ value }) => value),
    ...(blocks.client_ip_header && { clientIpHeader: blocks.client_ip_header }),
    trustedHeaders: blocks.trusted_headers.map(({ value }) => value),
    maxPathSegments: blocks.max_path_segments ?? BLOCKS.max_path_segments.parse(undefined),
    ...(blocks.shadow !== undefined && { shadow: context.source.pathBeside(blocks.shadow) }),
  };
  return { plan, blocks, roster, places: routes.map(({ place }) => place) };
}

function listenersOf({ listeners }: Blocks, context: Context): Plan['listeners'] {
  if (listeners.length === 0) return [];
  return (require('./listeners.js') as typeof Listeners).planListeners(listeners, context);
}

function upstreamsOf(blocks: Blocks, context: Context): Plan['upstreams'] {
  if (blocks.upstreams.length === 0) return [];
  return (require('./upstreams.js') as typeof Upstreams).planUpstreams(blocks, context);
}

/** Listeners may ask for client certificates. Without listeners, this concerns the methods that read certificates. */
function withCertificates(entry: Entry, listeners: Plan['listeners'], context: Context): Entry {
  const readsCertificates = entry.state === 'enabled' && entry.method?.certificate === true;
  if (listeners.length === 0 && !readsCertificates) return entry;
  return (require('./listener-mtls.js') as typeof ListenerMtls).withListeners(entry, listeners, context);
}

function corsOf({ cors }: Blocks, methods: Plan['methods']): Pick<Plan, 'cors'> {
  return cors ? (require('./cors.js') as typeof Cors).planCors(cors, methods) : {};
}

function operationsOf(blocks: Blocks): Operations.PlannedOperations {
  if (!blocks.admin && !blocks.metrics && !blocks.tracing) return {};
  return (require('./operations.js') as typeof Operations).planOperations(blocks);
}

function limitOf({ rate_limit: block }: Blocks, methods: Plan['methods'], context: Context): Pick<Plan, 'rateLimit'> {
  return block ? (require('./limit.js') as typeof Limit).planLimit(block, methods, context) : {};
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
      message: `unknown key${hintFor(['middleware', key], ['auth'])}`,
      at: 'key',
    });
  }
}

interface PlacedRoute {
  readonly route: PlannedRoute;
  readonly place: number;
}

interface Readers {
  readonly reader: RequirementReader;
  readonly plugins: RequiredPlugins;
}

function planRoutes(
  context: Context,
  blocks: Blocks,
  { reader, plugins, upstreams }: Readers & { readonly upstreams: readonly PlannedUpstream[] },
): readonly PlacedRoute[] {
  if (blocks.routes.length === 0) return [];
  const { planRoute } = require('./routes.js') as typeof Routes;
  const hostAnswers = context.mode === 'middleware' && !context.has(['upstreams']);
  return blocks.routes.flatMap(({ value, path }) => {
    const access = plugins.besides(reader.read([...path, 'auth']), value.plugins, [...path, 'plugins']);
    if (!access) return [];
    // With no upstreams at all, the host application answers, as for a route without one.
    const block = hostAnswers ? { ...value, upstream: undefined } : value;
    const upstream = upstreams.find(({ name }) => name === block.upstream);
    const forwarding = { access, upstream, ownTimeout: context.has([...path, 'timeout']) };
    return [{ route: planRoute({ value: block, path }, forwarding), place: Number(path[1]) }];
  });
}

function unmatchedOf(context: Context, roster: Roster, { reader, plugins }: Readers): Requirement | undefined {
  // A gateway of its own answers 404 there.
  if (context.mode === 'serve') return undefined;
  if (context.has(['routes'])) return plugins.everywhere(reader.chain);
  // A block whose name is misspelt is no second mistake.
  return roster.usable.length === 0 && context.report.mistaken ? undefined : plugins.everywhere(reader.fallback(AUTH));
}

/** Each header once; case does not count. */
function identityHeaders(rules: readonly HeaderRule[]): readonly string[] {
  const seen = new Map<string, string>();
  for (const { header } of rules) if (!seen.has(header.toLowerCase())) seen.set(header.toLowerCase(), header);
  return [...seen.values()];
}

function planOpens({ opens }: Blocks): { readonly opens?: readonly PlannedOpening[] } {
  if (opens.length === 0) return {};
  const { readOpening } = require('../opens.js') as typeof Opens;
  const read = opens.map(({ value }) => readOpening(value, () => true)).filter((each) => typeof each !== 'string');
  return read.length === 0 ? {} : { opens: read };
}

function planShutdown({ delay = 0, timeout = 30_000 }: Partial<NonNullable<Blocks['shutdown']>> = {}): PlannedShutdown {
  return { delayMs: delay, timeoutMs: timeout };
}

function planLogging(block: LoggingBlock | undefined): PlannedLogging {
  const { level = 'info', format = 'json', access, denied, request_id: requestId } = block ?? {};
  return {
    level,
    format,
    ...(access?.enabled && { access: access.fields }),
    ...(denied && { deniedSample: denied.sample }),
    ...(requestId && { requestId }),
  };
}
