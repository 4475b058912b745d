/** The composition root: the only file that uses every layer. It turns a plan into the members of a `Loom`. */
import type { IncomingMessage, Server } from 'node:http';
import { createRequire } from 'node:module';
import { PLUGIN } from '../auth/methods.js';
import type { Protection } from '../auth/protection.js';
import type { Diagnostic } from '../config/diagnostics.js';
import type { Plan } from '../config/plan-types.js';
import type { ConfigSource } from '../config/source.js';
import { contextOf } from '../context/request-context.js';
import { attachUpgrades, isAttached } from '../gateway/attach.js';
import type * as HostPassport from '../gateway/passport.js';
import type { PassportLike } from '../gateway/passport-types.js';
import type { ShadowSlot } from '../gateway/shadow-slot.js';
import type * as ShadowLoaders from './shadow-loader.js';
import type { ShadowLoader, ShadowParts } from './shadow-loader.js';
import type * as ShadowReports from './shadow/report.js';
import type { Shared, Snapshot } from './snapshot.js';
import { NO_ROUTE, type Metrics } from '../lib/metrics.js';
import type { Log } from '../lib/types.js';
import type * as CurrentKeys from './current-keys.js';
import type * as Explain from './explain/explainers.js';
import { Limiters } from './limiters.js';
import type { ConnectMiddleware, Loom } from './middleware.js';
import type * as Prometheus from '../observe/prometheus.js';
import type { SharedMetrics } from '../observe/combined-metrics.js';
import { Reloading, type ReloadParts, type Standing } from './reload.js';

const require = createRequire(import.meta.url);

/** Logs the warnings that `check` would print. */
export function tellWarnings(warnings: readonly Diagnostic[], log: Log): void {
  for (const { code, file, line, column, path, message } of warnings) {
    log.warn({ code, file, line, column, path }, message);
  }
}

/** The parts of a composition. `compose` creates the other parts that outlive a configuration. */
export interface ComposeParts extends Omit<ReloadParts, 'shared'> {
  readonly shared: Omit<Shared, 'limiters' | 'metrics'>;
  /** Set if this process is one of several that serve the file. */
  readonly sharedMetrics?: SharedMetrics;
  /** How a shadow file is found, compiled and watched. */
  readonly shadow?: ShadowParts;
  /** Called before the metrics are read, for values that are looked up and not counted. */
  readonly reading?: (metrics: Metrics, plan: Plan) => void;
  /** Receives the function that returns the snapshot in force, for the state of the gateway. */
  readonly inspected?: (inspect: () => Inspected) => void;
}

export interface Inspected {
  readonly snapshot: Snapshot;
  readonly standing: Standing;
}

/** Builds what a plan describes. `serve` calls this function for its own listeners. */
export function compose(
  source: ConfigSource,
  plan: Plan,
  { shared, sharedMetrics, reading, inspected, shadow, ...parts }: ComposeParts,
): Loom {
  const { log, now, standalone } = shared;
  const metrics = plan.metrics && collector({ buckets: plan.metrics.buckets, process: standalone });
  const readings = (collected: Prometheus.PrometheusMetrics): Prometheus.PrometheusMetrics => {
    collected.gauge('loom_live_sockets', {}, tables.current.liveSockets.size);
    reading?.(collected, tables.current.plan);
    return collected;
  };
  if (metrics) sharedMetrics?.share(() => readings(metrics).snapshot());
  const watched = { ...shared, ...(metrics && { metrics }) };
  const slot: ShadowSlot = { current: undefined };
  const tables = new Reloading(source, plan, {
    ...parts,
    shared: { ...watched, limiters: new Limiters(watched), shadow: slot },
  });
  inspected?.(() => ({ snapshot: tables.current, standing: tables.standing }));
  const live = (): Snapshot => tables.current;
  let shadows: ShadowLoader | undefined;
  /** The code of the evaluation loads with the first shadow file. */
  const shadowed = (next: Plan, from?: ConfigSource): void => {
    if (!shadows && shadow?.source === undefined && next.shadow === undefined) return;
    const { ShadowLoader } = require('./shadow-loader.js') as typeof ShadowLoaders;
    shadows ??= new ShadowLoader(source, shadow, { ...parts, ...watched, slot, live, isServing: () => serving });
    shadows.follow(next, from);
  };
  let serving = false;
  shadowed(plan);
  serving = true;
  const { ready } = tables.current;
  metrics?.gauge('loom_config_generation', {}, 1);
  metrics?.gauge('loom_config_last_reload_timestamp_seconds', {}, Math.floor(now() / 1_000));
  // A host that does not wait for `ready` must not lose the process to an unhandled rejection.
  ready.catch((err: unknown) => log.error({ err }, 'a method could not start'));
  const watch = standalone ? () => undefined : unattachedWatch(log);
  const middleware: ConnectMiddleware = (req, res, next) => {
    watch(req);
    tables.current.request(req, res, next);
  };
  const members: Omit<Pick<Loom, keyof Loom>, 'plan' | 'passport' | 'keys'> = {
    ready,
    protect: (...protections) => guardOf(tables, protections),
    upgrade: (req, socket, head) => tables.current.upgrade(req, socket, { head }),
    attach: (server) => attachUpgrades(server, (req, socket, rest) => tables.current.upgrade(req, socket, rest)),
    reload: async (again) => {
      const warnings = await tables.reload(again);
      shadowed(tables.current.plan, again);
      metrics?.keep(namesOf(tables.current.plan));
      return warnings;
    },
    metrics: async () => {
      if (!metrics) throw new TypeError('nothing is counted: the file has no metrics block');
      return sharedMetrics ? sharedMetrics.text() : readings(metrics).text();
    },
    upstreams: () => tables.current.upstreams(),
    explain: (request, options) => explainers().explain(tables.current, request, options),
    shadow: () => shadows?.report() ?? (require('./shadow/report.js') as typeof ShadowReports).NO_SHADOW,
    close: async () => {
      shadows?.close();
      await explaining?.close();
      await tables.close();
    },
  };
  let explaining: Explain.Explainers | undefined;
  const explainers = (): Explain.Explainers => (explaining ??= explainersOf({ standalone, now }));
  const loom = Object.assign(middleware, members);
  let passport: PassportLike | undefined;
  return Object.defineProperties(loom, {
    plan: { get: () => tables.current.plan, enumerable: true },
    keys: { get: () => keysOf(() => tables.current.methods.keysOfStore) },
    passport: { get: () => (passport ??= passportOf(tables)), enumerable: true },
  }) as Loom;
}

/** Most processes explain no request. */
function explainersOf(parts: ConstructorParameters<typeof Explain.Explainers>[0]): Explain.Explainers {
  const { Explainers } = require('./explain/explainers.js') as typeof Explain;
  return new Explainers(parts);
}

/** The names that label the metric series. */
function namesOf({ routes, upstreams, methods, listeners }: Plan): Parameters<Prometheus.PrometheusMetrics['keep']>[0] {
  const plugins = methods.filter(({ type }) => type === PLUGIN);
  return {
    route: [NO_ROUTE, ...routes.map(({ id }) => id)],
    upstream: upstreams.map(({ name }) => name),
    listener: listeners.map(({ name }) => name),
    plugin: plugins.map(({ name }) => name),
  };
}

/** Most files have no store of keys. */
function keysOf(find: Parameters<typeof CurrentKeys.currentKeys>[0]): Loom['keys'] {
  const { currentKeys } = require('./current-keys.js') as typeof CurrentKeys;
  return currentKeys(find);
}

/** prom-client loads only for files with metrics. */
function collector(options: Prometheus.PrometheusOptions): Prometheus.PrometheusMetrics {
  const { PrometheusMetrics } = require('../observe/prometheus.js') as typeof Prometheus;
  return new PrometheusMetrics(options);
}

/**
 * A guard in the host's code uses the current configuration. A new configuration that cannot support the guard is
 * refused.
 */
function guardOf(tables: Reloading, [given, ...others]: readonly Protection[]): ConnectMiddleware {
  if (others.length > 0) throw new TypeError('protect() takes one argument: write several methods as a list');
  tables.current.policy.guardFor(given as Protection);
  // The code of the host may change its object later. The checked object has no value that JSON drops.
  const protection = JSON.parse(JSON.stringify(given)) as Protection;
  tables.demand(JSON.stringify(protection), (table) => void table.policy.guardFor(protection));
  return (req, res, next) => {
    const { policy, gateway } = tables.current;
    gateway.guard(contextOf(req), res, { guard: policy.guardFor(protection), next });
  };
}

/**
 * Passport loads only for hosts that use it. Auth methods that a host's code names must stay in the file, as with
 * `protect`.
 */
function passportOf(tables: Reloading): PassportLike {
  const { hostPassport } = require('../gateway/passport.js') as typeof HostPassport;
  return hostPassport({
    current: () => tables.current,
    demand: (names) =>
      tables.demand(`passport ${JSON.stringify(names)}`, ({ policy }) => {
        for (const name of names) policy.guardFor({ kind: 'method', name });
      }),
  });
}

/**
 * A host's `upgrade` listeners run beside a middleware, never after it. A server without `attach` is therefore
 * unguarded.
 */
function unattachedWatch(log: Log): (req: IncomingMessage) => void {
  const seen = new WeakSet<object>();
  return ({ socket }) => {
    // A mock may have no socket.
    const server = (socket as { server?: Server } | undefined)?.server;
    if (!server || seen.has(server)) return;
    seen.add(server);
    if (!isAttached(server) && server.listenerCount('upgrade') > 0) {
      log.error({}, 'this server takes upgrades that Loom never sees: call loom.attach(server)');
    }
  };
}
