/** Everything that one plan compiles to: built aside, activated as a whole, closed after its last decision. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { Strategies } from '../auth/host-strategy.js';
import { expiryOf } from '../auth/identity.js';
import { MethodsInUse } from '../auth/methods-in-use.js';
import type { Plan } from '../config/plan-types.js';
import type * as AccessRules from '../routing/access-rules.js';
import { AdmissionPolicy, routingInSteps, type RoutingTables } from '../admission/policy.js';
import { contextOf, type DecisionSink, type RequestContext } from '../context/request-context.js';
import { Gateway, type Handover, type UpgradeRest } from '../gateway/gateway.js';
import type { ShadowSlot } from '../gateway/shadow-slot.js';
import type { HostDenials } from '../gateway/host-denials.js';
import { callAt, LiveSockets, type Session } from '../proxy/tunnel.js';
import type { UpstreamStatus } from '../proxy/upstream.js';
import type { Metrics } from '../lib/metrics.js';
import { atOnce, inSlices, type Steps } from '../lib/slices.js';
import type { Log, Next, Now } from '../lib/types.js';
import type { Requests } from '../observe/requests.js';
import type { SnapshotAside } from './aside.js';
import { observersOf } from './observers.js';
import type { LimiterLease, Limiters } from './limiters.js';
import { beginRecord, denialLogOf, reportingMethods } from './recording.js';
import type * as Upstreams from './upstreams-in-use.js';
import type { UpstreamsInUse } from './upstreams-in-use.js';

const require = createRequire(import.meta.url);

/** The parts that outlive a snapshot. */
export interface Shared {
  readonly strategies: Strategies;
  readonly log: Log;
  readonly now: Now;
  readonly metrics?: Metrics;
  /** Requests arrive through listeners of the plan. A request without a route receives 404. */
  readonly standalone: boolean;
  /** Receives the size of every body chunk. */
  readonly moved?: (bytes: number) => void;
  readonly limiters: Pick<Limiters, 'lease'>;
  /** The key store of the host. */
  readonly keyStore?: unknown;
  /** Default: Loom answers every denial. */
  readonly hostDenials?: HostDenials | undefined;
  /** Set for a snapshot that explains requests and serves none. */
  readonly aside?: SnapshotAside | undefined;
  /** Default: no decision is kept. */
  readonly records?: DecisionSink | undefined;
  /** Default: no other configuration watches the requests. */
  readonly shadow?: ShadowSlot;
}

const LONGEST_SESSION_MS = 3_600_000;

export class Snapshot {
  readonly policy: AdmissionPolicy;
  readonly gateway: Gateway;
  readonly liveSockets = new LiveSockets();
  /** Settles when key sets, pools and plugins have warmed up. */
  readonly ready: Promise<void>;
  readonly methods: MethodsInUse;
  private readonly upstreamsInUse: UpstreamsInUse | undefined;
  readonly #limits: LimiterLease;
  readonly #requests: Requests | undefined;
  readonly #stopSessions: () => void;
  #rules: AccessRules.Rules | undefined;
  /** The end counts once, because a stop may come while the snapshot retires. */
  #ended: Promise<void> | undefined;

  /** `previous`: auth methods and upstreams with the same configuration continue with their state. */
  private constructor(
    readonly plan: Plan,
    private readonly shared: Shared,
    { previous, tables }: { readonly previous: Snapshot | undefined; readonly tables: RoutingTables },
  ) {
    this.methods = new MethodsInUse(plan.methods, shared.strategies, shared, previous?.methods);
    this.upstreamsInUse = upstreamsOf(plan, shared, previous?.upstreamsInUse);
    this.#limits = shared.limiters.lease(plan.rateLimit?.distributed);
    const { limiter } = this.#limits;
    const { tracing, requests } = observersOf(plan, shared);
    this.#requests = requests;
    const { liveSockets } = this;
    const { hostDenials, shadow } = shared;
    this.#stopSessions = this.methods.watchSessions({
      identities: () => liveSockets.identities(),
      end: (ended) => liveSockets.closeOf(ended),
    });
    const onDecision = shared.aside?.decided ?? this.#requests?.onDecision;
    try {
      const methods = reportingMethods(this.methods, plan, shared);
      const deps = { ...shared, limiter, log: denialLogOf(plan, shared.log), methods };
      const policy = (this.policy = new AdmissionPolicy(plan, deps, tables));
      const upstreams = this.upstreamsInUse?.byName ?? new Map();
      this.gateway = new Gateway({ policy, upstreams, liveSockets, hostDenials, shadow, onDecision });
    } catch (cause) {
      this.#end().catch(() => undefined);
      throw cause;
    }
    this.ready = Promise.all([this.methods.ready(), limiter.ready, tracing?.ready]).then(() => undefined);
  }

  static create(plan: Plan, shared: Shared, previous?: Snapshot): Snapshot {
    return atOnce(Snapshot.#inSteps(plan, shared, previous));
  }

  /** Creates the snapshot of a large plan in slices, beside requests. */
  static createInSlices(plan: Plan, shared: Shared, previous: Snapshot): Promise<Snapshot> {
    return inSlices(Snapshot.#inSteps(plan, shared, previous));
  }

  static *#inSteps(plan: Plan, shared: Shared, previous: Snapshot | undefined): Steps<Snapshot> {
    const tables = yield* routingInSteps(plan, shared.standalone);
    const snapshot = new Snapshot(plan, shared, { previous, tables });
    try {
      yield* snapshot.policy.compileGuards();
    } catch (cause) {
      snapshot.#end().catch(() => undefined);
      throw cause;
    }
    return snapshot;
  }

  request(req: IncomingMessage, res: ServerResponse, next: Next): void {
    const context = beginRecord(contextOf(req), this.plan, this.shared);
    // The gateway refuses a request whose fields cannot be read.
    const requests = context.injected?.fault === undefined ? this.#requests : undefined;
    requests?.request(context, res);
    if (requests) requests.within(context, () => this.gateway.request(context, res, next));
    else this.gateway.request(context, res, next);
  }

  upgrade(req: IncomingMessage, socket: Duplex, { head, handOver }: UpgradeRest): void {
    const context = beginRecord(contextOf(req), this.plan, this.shared);
    if (context.injected?.fault === undefined) this.#requests?.upgrade(context, socket);
    if (!handOver) return this.gateway.upgrade(context, socket, { head });
    // Runs before the host's listeners, so that a socket never outlives its identity.
    const limited: Handover = (asked, given, first) => {
      this.#limitSession(asked, given);
      handOver(asked, given, first);
    };
    this.gateway.upgrade(context, socket, { head, handOver: limited });
  }

  /** A socket that a host serves also ends with its identity. */
  #limitSession({ request, identities, route, target }: RequestContext, socket: Duplex): void {
    const { now } = this.shared;
    const { host = '' } = request.headers;
    const close = (): void => void socket.destroy();
    const live = this.liveSockets.add(close, { route: route?.id, host, path: target.path, identities });
    const cancel = callAt(expiryOf(identities) ?? now() + (route?.maxSessionMs ?? LONGEST_SESSION_MS), now, close);
    socket.once('close', () => {
      cancel();
      live.forget();
    });
  }

  /**
   * Upgraded sockets continue under the current snapshot if it upholds them. This includes sockets that are judged
   * later.
   */
  leaveSockets(inForce: () => Snapshot): void {
    this.liveSockets.handOver(
      () => inForce().liveSockets,
      (session) => inForce().#upholds(session, this),
    );
  }

  /** This snapshot decides all requests that are already pending. */
  async retire(): Promise<void> {
    await this.gateway.drained();
    await this.#end();
  }

  /** Whether the shared store of the limits answers. Undefined without one. */
  get storeUp(): boolean | undefined {
    return this.#limits.limiter.storeUp;
  }

  upstreams(): readonly UpstreamStatus[] {
    return this.upstreamsInUse?.status() ?? [];
  }

  /** Closes the upgraded sockets, and each upstream, auth method and limiter that no other snapshot uses. */
  async close(): Promise<void> {
    this.liveSockets.close();
    await this.#end();
  }

  #end(): Promise<void> {
    return (this.#ended ??= this.#release());
  }

  async #release(): Promise<void> {
    this.#stopSessions();
    this.upstreamsInUse?.close();
    await this.#limits.release();
    await this.methods.close();
  }

  /** Whether the route still exists, the demand is the same, and the caller's identities are still valid. */
  #upholds({ route, host, path, identities }: Session, previous: Snapshot): boolean {
    if (route !== undefined && !this.plan.routes.some(({ id }) => id === route)) return false;
    const [was, is] = [previous, this].map(({ rules }) => rules.at({ host, path }, 'GET').demand);
    return was === is && identities.every((identity) => this.methods.vouchesFor(identity, previous.methods));
  }

  private get rules(): AccessRules.Rules {
    const { Rules } = require('../routing/access-rules.js') as typeof AccessRules;
    return (this.#rules ??= Rules.create({ plan: this.plan, standalone: this.shared.standalone }));
  }

  /** Makes the rules that `leaveSockets` needs for open sockets in slices. */
  async prepareSockets(next: Snapshot): Promise<void> {
    if (this.liveSockets.size === 0) return;
    const { Rules } = require('../routing/access-rules.js') as typeof AccessRules;
    const { standalone } = this.shared;
    for (const each of [this, next]) each.#rules ??= await inSlices(Rules.inSteps({ plan: each.plan, standalone }));
  }
}

/** Loads only for files with an upstream. */
function upstreamsOf({ upstreams }: Plan, shared: Shared, previous: UpstreamsInUse | undefined) {
  if (upstreams.length === 0) return undefined;
  const { UpstreamsInUse } = require('./upstreams-in-use.js') as typeof Upstreams;
  return new UpstreamsInUse(upstreams, shared, previous);
}
