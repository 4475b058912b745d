/** The composition root: the only file that knows every layer; makes the callable `Loom`. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { MethodDeps } from './auth/method.js';
import { MethodsInUse, type Strategies } from './auth/methods-in-use.js';
import type { Requirement } from './auth/requirement.js';
import type { Diagnostic } from './config/diagnostics.js';
import { compileFile } from './config/index.js';
import type { Plan } from './config/plan-types.js';
import type { ConfigSource } from './config/source.js';
import { attachUpgrades, isAttached } from './gateway/attach.js';
import type { Admitted } from './gateway/admit.js';
import { deny } from './gateway/deny.js';
import { Gate } from './gateway/gate.js';
import { expiryOf, Gateway, type Next } from './gateway/gateway.js';
import { instanceOf, tellRefusal } from './gateway/refusal.js';
import { at, LiveSockets } from './gateway/tunnel.js';
import { createUpstream, type Upstream, type UpstreamDeps } from './gateway/upstream.js';
import { clientAddressOf } from './lib/client-address.js';
import { inspectRuntime } from './lib/runtime.js';
import type { Log, NonEmpty, Now } from './lib/types.js';
import { AccessLog } from './observe/access-log.js';
import { createLog } from './observe/log.js';
import { PrometheusMetrics } from './observe/prometheus.js';
import { Requests } from './observe/requests.js';

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

/** What guards local handlers: a method's name, several of which any will do, or a requirement as data. */
export type Protection = string | readonly string[] | Requirement;

export interface Loom extends ConnectMiddleware {
  /** Settles when key sets and pools have warmed up; what only the network can tell never rejects it. */
  readonly ready: Promise<void>;
  /** What the file means, as data. */
  readonly plan: Plan;
  /** The file's methods as Passport strategies, by name: `loom.passport.authenticate('jwt', { session: false })`. */
  readonly passport: PassportLike;
  /** Guards a handler of the host, whatever the file says of its path. */
  protect(protection: Protection): ConnectMiddleware;
  /** Judges one upgrade, for a host that wires its server by hand; routes without an upstream are refused. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Takes over the server's `upgrade` listeners, those added later included: they see admitted sockets alone. */
  attach(server: Server): void;
  /**
   * What was counted, in Prometheus's text format, for a page of the host's own: a middleware opens no port.
   *
   * @throws TypeError The file has no `metrics` block.
   */
  metrics(): Promise<string>;
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
  const { plan, warnings } = compileFile(source, { strategies: Object.keys(strategies), mode: 'middleware' });
  const log = options.log ?? createLog(plan.logging);
  adviseOnRuntime(log);
  tellWarnings(warnings, log);
  if (!plan.unmatched && plan.routes.length > 0) {
    log.warn(
      { file: plan.file },
      'a request that no route matches passes without a credential; a chain would guard it',
    );
  }
  return compose(plan, { strategies, log, now, standalone: false });
}

/** What `check` would print, in the log of whoever starts the file. */
export function tellWarnings(warnings: readonly Diagnostic[], log: Log): void {
  for (const { code, file, line, column, path, message } of warnings) {
    log.warn({ code, file, line, column, path }, message);
  }
}

export interface ComposeOptions {
  readonly strategies: Strategies;
  readonly log: Log;
  readonly now: Now;
  /** Requests come through listeners of the plan: what no route matches is 404. */
  readonly standalone: boolean;
  /** Told of every piece of a body that goes through. */
  readonly moved?: (bytes: number) => void;
}

/** Builds what a plan describes. `serve` calls this for its own listeners. */
export function compose(plan: Plan, options: ComposeOptions): Loom {
  const { log, now, standalone } = options;
  const metrics = plan.metrics && new PrometheusMetrics({ buckets: plan.metrics.buckets, process: standalone });
  const deps = { now, log, ...(metrics && { metrics }) };
  const methods = new MethodsInUse(plan.methods, options.strategies, deps);
  const ready = methods.ready();
  // Whoever does not wait for it must not lose the process over it.
  ready.catch((err: unknown) => log.error({ err }, 'a method could not start'));
  const gate = new Gate(plan, { ...deps, methods: methods.compiled, standalone });
  const liveSockets = new LiveSockets();
  const upstreams = upstreamsOf(plan, { ...options, ...deps });
  const requests = requestsOf(plan, deps);
  const gateway = new Gateway({ gate, upstreams, liveSockets, ...(requests && { decided: requests.decided }) });
  const watch = standalone ? () => undefined : unattachedWatch(log);
  const middleware: ConnectMiddleware = (req, res, next) => {
    watch(req);
    requests?.request(req, res);
    gateway.request(req, res, next);
  };
  const members: Pick<Loom, keyof Loom> = {
    plan,
    passport: methods.passport as PassportLike,
    ready,
    protect: (protection) => {
      const guard = gate.guardFor(requirementOf(protection));
      return (req, res, next) => gateway.guard(req, res, { guard, next });
    },
    upgrade: (req, socket, head) => {
      requests?.upgrade(req, socket);
      gateway.upgrade(req, socket, { head });
    },
    attach: (server) =>
      attachUpgrades(server, {
        judge: (req, socket, rest) => {
          requests?.upgrade(req, socket);
          gateway.upgrade(req, socket, rest);
        },
        opened: (socket, admitted) => limitSession(socket, admitted, { liveSockets, now }),
      }),
    metrics: async () => {
      if (!metrics) throw new TypeError('nothing is counted: the file has no metrics block');
      return metrics.text();
    },
    close: async () => {
      liveSockets.close();
      upstreams.forEach((upstream) => upstream.close());
      await methods.close();
    },
  };
  return Object.assign(middleware, members);
}

/** Nobody is followed where nobody asks. */
function requestsOf({ logging }: Plan, { log, metrics }: MethodDeps): Requests | undefined {
  const access = logging.access && new AccessLog(logging.access, log);
  return access || metrics ? new Requests({ access, metrics }) : undefined;
}

function upstreamsOf({ upstreams }: Plan, deps: Omit<UpstreamDeps, 'onFailure'>): ReadonlyMap<string, Upstream> {
  const onFailure: UpstreamDeps['onFailure'] = (req, res, status, code) => {
    const [instance, denial] = [instanceOf(req), { status, code }];
    tellRefusal(deps.log, { instance, denial, method: req.method, client: clientAddressOf(req) });
    deny(res, denial, instance);
  };
  return new Map(upstreams.map((planned) => [planned.name, createUpstream(planned, { ...deps, onFailure })]));
}

const LONGEST_SESSION_MS = 3_600_000;

/** A socket that a host serves ends with its identity all the same. */
function limitSession(
  socket: Duplex,
  admitted: Admitted,
  { liveSockets, now }: { readonly liveSockets: LiveSockets; readonly now: Now },
): void {
  const { identities, route } = admitted;
  const close = (): void => void socket.destroy();
  const forget = liveSockets.add(close, { route: route?.id, identities });
  const cancel = at(expiryOf(admitted) ?? now() + (route?.maxSessionMs ?? LONGEST_SESSION_MS), now, close);
  socket.once('close', () => {
    cancel();
    forget();
  });
}

function requirementOf(protection: Protection): Requirement {
  if (typeof protection === 'string') return { kind: 'method', name: protection };
  if (!isList(protection)) return protection;
  const [first, ...rest] = protection.map((name): Requirement => ({ kind: 'method', name }));
  if (!first) throw new TypeError('protect() needs at least one method');
  return { kind: 'any', of: [first, ...rest] satisfies NonEmpty<Requirement> };
}

function isList(protection: Exclude<Protection, string>): protection is readonly string[] {
  return Array.isArray(protection);
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
