/** The composition root: the only file that knows every layer; makes the callable `Loom`. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Strategies } from './auth/methods-in-use.js';
import { requirementOf, type Protection } from './auth/protection.js';
import type { Requirement } from './auth/requirement.js';
import type { Diagnostic } from './config/diagnostics.js';
import { compileFile, type Compiled } from './config/index.js';
import type { Plan } from './config/plan-types.js';
import type { ConfigSource } from './config/source.js';
import { attachUpgrades, isAttached } from './gateway/attach.js';
import type { Next } from './gateway/gateway.js';
import type { UpstreamStatus } from './gateway/upstream.js';
import { namesOf, type Shared } from './generation.js';
import { inspectRuntime } from './lib/runtime.js';
import type { Metrics } from './lib/metrics.js';
import type { Log, Now } from './lib/types.js';
import { Limiters } from './limit/limiters.js';
import { createLog } from './observe/log.js';
import { PrometheusMetrics } from './observe/prometheus.js';
import type { Together } from './observe/snapshot.js';
import { Reloading, type ReloadParts } from './reload.js';

/** A middleware of Connect, Express 4 and 5, or called by hand from a `node:http` server. */
export type ConnectMiddleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** Passport as far as a host needs it here; our own type, because Passport's pulls Express in. */
export interface PassportLike {
  /** `options` as Passport has them; `{ session: false }` as a rule. */
  authenticate(name: string | string[], options?: object): ConnectMiddleware;
  initialize(): ConnectMiddleware;
}

export interface LoomOptions {
  /** Passport strategies of the host, by the names that the file uses for them. Default: none. */
  readonly strategies?: Strategies;
  /** Default: what `logging` of the file says, on standard error. */
  readonly log?: Log;
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  readonly now?: Now;
}

export interface Loom extends ConnectMiddleware {
  /** Settles when key sets and pools have warmed up; what only the network can tell never rejects it. */
  readonly ready: Promise<void>;
  /** What the file means, as data; of the table that is in force now. */
  readonly plan: Plan;
  /**
   * The file's methods as Passport strategies, by name: `loom.passport.authenticate('jwt', { session: false })`. They
   * are those of the table that is in force when a request comes.
   */
  readonly passport: PassportLike;
  /** Guards a handler of the host, whatever the file says of its path. */
  protect(protection: Protection): ConnectMiddleware;
  /** Judges one upgrade, for a host that wires its server by hand; routes without an upstream are refused. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Takes over the server's `upgrade` listeners, those added later included: they see admitted sockets alone. */
  attach(server: Server): void;
  /**
   * Takes the file again, by default the one that was taken last: whatever it names (secrets, certificates, plugins) is
   * read anew, the next table is made and warmed up aside, and from one request to the next it is in force. Whoever is
   * judged at that moment is judged by the old one. Upgraded sockets whose route, key, user or issuer is not what it was
   * are closed. A path that was guarded is opened by `auth: none` alone.
   *
   * @example process.on('SIGHUP', () => gate.reload().catch(() => undefined)); // the log says why not
   * @returns The warnings about the file.
   * @throws {ConfigError} The file is wrong, or would open what was guarded: the old table stays in force.
   */
  reload(source?: ConfigSource): Promise<readonly Diagnostic[]>;
  /**
   * What was counted, in Prometheus's text format, for a page of the host's own: a middleware opens no port. Whether
   * anything is counted, the file says when it is first read.
   *
   * @throws TypeError The file has no `metrics` block.
   */
  metrics(): Promise<string>;
  /** Each upstream and how its endpoints are now. */
  upstreams(): readonly UpstreamStatus[];
  /** Stops timers and pools, closes upgraded sockets and idle connections to upstreams. */
  close(): Promise<void>;
}

/**
 * Compiles a Loom file into a middleware. Synchronous; throws one `ConfigError` that holds every mistake of the file.
 *
 * @example
 * const gate = loom('loom.yaml');
 * app.use(gate); // Express, Connect; or http.createServer((req, res) => gate(req, res, () => res.end('hello')))
 * gate.attach(server); // WebSockets of the host's own server
 * @param source The path of the file, or `{ text, file }`.
 * @throws {ConfigError} The file is wrong; `diagnostics` has each mistake with its position.
 */
export function loom(source: ConfigSource, options: LoomOptions = {}): Loom {
  const { strategies = {}, now = Date.now } = options;
  const compile = (given: ConfigSource): Compiled =>
    compileFile(given, { strategies: Object.keys(strategies), mode: 'middleware' });
  const { plan, warnings } = compile(source);
  const log = options.log ?? createLog(plan.logging);
  adviseOnRuntime(log);
  tellWarnings(warnings, log);
  if (!plan.unmatched && plan.routes.length > 0) {
    log.warn(
      { file: plan.file },
      'a request that no route matches passes without a credential; a chain would guard it',
    );
  }
  const shared = { strategies, log, now, standalone: false };
  return compose(source, plan, { shared, compile });
}

/** What `check` would print, in the log of whoever starts the file. */
export function tellWarnings(warnings: readonly Diagnostic[], log: Log): void {
  for (const { code, file, line, column, path, message } of warnings) {
    log.warn({ code, file, line, column, path }, message);
  }
}

/** What a composition is made of; the rest of what outlives a table is made here. */
export interface ComposeParts extends Omit<ReloadParts, 'shared'> {
  readonly shared: Omit<Shared, 'limiters' | 'metrics'>;
  /** Where this process is one of several that serve the file. */
  readonly numbers?: Together;
  /** Told before the numbers are read: what is looked up rather than counted. */
  readonly reading?: (metrics: Metrics, plan: Plan) => void;
}

/** Builds what a plan describes. `serve` calls this for its own listeners. */
export function compose(source: ConfigSource, plan: Plan, { shared, numbers, reading, ...parts }: ComposeParts): Loom {
  const { log, now, standalone } = shared;
  const metrics = plan.metrics && new PrometheusMetrics({ buckets: plan.metrics.buckets, process: standalone });
  const readings = (collected: PrometheusMetrics): PrometheusMetrics => {
    collected.gauge('loom_live_sockets', {}, tables.current.liveSockets.size);
    reading?.(collected, tables.current.plan);
    return collected;
  };
  if (metrics) numbers?.share(() => readings(metrics).snapshot());
  const watched = { ...shared, ...(metrics && { metrics }) };
  const tables = new Reloading(source, plan, {
    ...parts,
    shared: { ...watched, limiters: new Limiters(watched) },
  });
  const { ready } = tables.current;
  metrics?.gauge('loom_config_generation', {}, 1);
  metrics?.gauge('loom_config_last_reload_timestamp_seconds', {}, Math.floor(now() / 1_000));
  // Whoever does not wait for it must not lose the process over it.
  ready.catch((err: unknown) => log.error({ err }, 'a method could not start'));
  const watch = standalone ? () => undefined : unattachedWatch(log);
  const middleware: ConnectMiddleware = (req, res, next) => {
    watch(req);
    tables.current.request(req, res, next);
  };
  const members: Omit<Pick<Loom, keyof Loom>, 'plan'> = {
    passport: passportOf(tables),
    ready,
    protect: (protection) => guardOf(tables, requirementOf(protection)),
    upgrade: (req, socket, head) => tables.current.upgrade(req, socket, { head }),
    attach: (server) => attachUpgrades(server, (req, socket, rest) => tables.current.upgrade(req, socket, rest)),
    reload: async (again) => {
      const warnings = await tables.reload(again);
      metrics?.keep(namesOf(tables.current.plan));
      return warnings;
    },
    metrics: async () => {
      if (!metrics) throw new TypeError('nothing is counted: the file has no metrics block');
      return numbers ? numbers.text() : readings(metrics).text();
    },
    upstreams: () => tables.current.upstreams(),
    close: () => tables.close(),
  };
  const loom = Object.assign(middleware, members);
  return Object.defineProperty(loom, 'plan', { get: () => tables.current.plan, enumerable: true }) as Loom;
}

/** A guard of the host's code asks the table in force; one that a new table could not bear keeps the old in force. */
function guardOf(tables: Reloading, requirement: Requirement): ConnectMiddleware {
  tables.demand(JSON.stringify(requirement), (table) => void table.gate.guardFor(requirement));
  return (req, res, next) => {
    const { gate, gateway } = tables.current;
    gateway.guard(req, res, { guard: gate.guardFor(requirement), next });
  };
}

function passportOf(tables: Reloading): PassportLike {
  const own = (): PassportLike => tables.current.methods.passport as PassportLike;
  return {
    authenticate: (name, options) => (req, res, next) => own().authenticate(name, options)(req, res, next),
    initialize: () => (req, res, next) => own().initialize()(req, res, next),
  };
}

let advised = false;

/** Once a process: a library does not refuse to run, but it says what the runtime undoes. */
function adviseOnRuntime(log: Log): void {
  if (advised) return;
  advised = true;
  const { errors, warnings } = inspectRuntime();
  for (const words of [...errors, ...warnings]) log.warn({}, words);
}

/** A host's `upgrade` listeners run beside a middleware, never after it: such a server is unguarded. */
function unattachedWatch(log: Log): (req: IncomingMessage) => void {
  const seen = new WeakSet<object>();
  return ({ socket }) => {
    const { server } = socket as { server?: Server };
    if (!server || seen.has(server)) return;
    seen.add(server);
    if (!isAttached(server) && server.listenerCount('upgrade') > 0) {
      log.error({}, 'this server takes upgrades that Loom never sees: call loom.attach(server)');
    }
  };
}
