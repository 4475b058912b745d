/** Everything that one plan compiles to: made aside, put in force whole, put away when its last request is judged. */
import { isDeepStrictEqual } from 'node:util';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Strategies } from './auth/host-strategy.js';
import { MethodsInUse } from './auth/methods-in-use.js';
import type { Plan, PlannedUpstream } from './config/plan-types.js';
import { deny } from './gateway/deny.js';
import { Gate } from './gateway/gate.js';
import { Gateway, type Next, type UpgradeRest } from './gateway/gateway.js';
import { editFields, setField } from './gateway/header-views.js';
import { instanceOf, tellRefusal } from './gateway/refusal.js';
import { LiveSockets, type Session } from './gateway/tunnel.js';
import { createUpstream, type Upstream, type UpstreamStatus, type UpstreamDeps } from './gateway/upstream.js';
import { clientAddressOf } from './lib/client-address.js';
import { NO_ROUTE, type Metrics } from './lib/metrics.js';
import type { Log, Now } from './lib/types.js';
import type { Lease, Limiters } from './limit/limiters.js';
import { AccessLog } from './observe/access-log.js';
import type { PrometheusMetrics } from './observe/prometheus.js';
import { Requests } from './observe/requests.js';
import { Tracing } from './observe/tracing.js';

/** What outlives a generation. */
export interface Shared {
  readonly strategies: Strategies;
  readonly log: Log;
  readonly now: Now;
  readonly metrics?: Metrics;
  /** Requests come through listeners of the plan: what no route matches is 404. */
  readonly standalone: boolean;
  /** Told of every piece of a body that goes through. */
  readonly moved?: (bytes: number) => void;
  readonly limiters: Limiters;
}

interface InUse {
  readonly planned: PlannedUpstream;
  readonly upstream: Upstream;
}

export class Generation {
  readonly gate: Gate;
  readonly gateway: Gateway;
  readonly liveSockets = new LiveSockets();
  /** Settles when key sets, pools and plugins have warmed up. */
  readonly ready: Promise<void>;
  readonly methods: MethodsInUse;
  readonly #upstreams: ReadonlyMap<string, InUse>;
  readonly #limits: Lease;
  readonly #requests: Requests | undefined;

  /** `previous`: methods and upstreams of which the file says the same go on, with all that they have learnt. */
  constructor(
    readonly plan: Plan,
    private readonly shared: Shared,
    previous?: Generation,
  ) {
    this.methods = new MethodsInUse(plan.methods, shared.strategies, shared, previous?.methods);
    this.#upstreams = new Map(plan.upstreams.map((each) => [each.name, previous?.same(each) ?? this.#start(each)]));
    this.#limits = shared.limiters.lease(plan.rateLimit?.distributed);
    const { limiter } = this.#limits;
    const tracing = plan.tracing && new Tracing({ ...plan.tracing, log: shared.log });
    this.ready = Promise.all([this.methods.ready(), limiter.ready, tracing?.ready]).then(() => undefined);
    this.gate = new Gate(plan, { ...shared, limiter, methods: this.methods.compiled });
    this.#requests = requestsOf(plan, shared, tracing);
    const decided = this.#requests?.decided;
    const upstreams = new Map([...this.#upstreams].map(([name, { upstream }]) => [name, upstream]));
    this.gateway = new Gateway({
      ...{ gate: this.gate, upstreams, liveSockets: this.liveSockets },
      ...(decided && { decided }),
    });
  }

  request(req: IncomingMessage, res: ServerResponse, next: Next): void {
    const requests = this.#requests;
    requests?.request(req, res);
    if (requests) requests.within(req, () => this.gateway.request(req, res, next));
    else this.gateway.request(req, res, next);
  }

  upgrade(req: IncomingMessage, socket: Duplex, rest: UpgradeRest): void {
    this.#requests?.upgrade(req, socket);
    this.gateway.upgrade(req, socket, rest);
  }

  /**
   * Leaves the field to `next`. Whoever is being judged is judged by this one to the end; upgraded sockets go on under
   * `next` where their route, key, user or issuer is what it was.
   */
  async retire(next: Generation): Promise<void> {
    const handOver = (): void => this.liveSockets.handOver(next.liveSockets, (each) => next.#upholds(each, this));
    handOver();
    await this.gateway.drained();
    handOver();
    await this.#end(next);
  }

  upstreams(): readonly UpstreamStatus[] {
    return [...this.#upstreams.values()].map(({ upstream }) => upstream.status());
  }

  /** Ends all of it, or what `other` does not go on with. */
  async close(other?: Generation): Promise<void> {
    this.liveSockets.close();
    await this.#end(other);
  }

  async #end(other?: Generation): Promise<void> {
    const kept = new Set(other && [...other.#upstreams.values()].map(({ upstream }) => upstream));
    for (const { upstream } of this.#upstreams.values()) if (!kept.has(upstream)) upstream.close();
    await this.#limits.release();
    await this.methods.close(other?.methods);
  }

  #upholds({ route, identities }: Session, previous: Generation): boolean {
    if (route !== undefined) {
      const [before, after] = [previous.#routeNamed(route), this.#routeNamed(route)];
      if (!after || !isDeepStrictEqual(before?.requirement, after.requirement)) return false;
    }
    return identities.every((identity) => this.methods.vouchesFor(identity, previous.methods));
  }

  #routeNamed(id: string): Plan['routes'][number] | undefined {
    return this.plan.routes.find((route) => route.id === id);
  }

  private same(planned: PlannedUpstream): InUse | undefined {
    const known = this.#upstreams.get(planned.name);
    // The key is no enumerable property, so that no comparison of the plans would see it.
    const same = known?.planned.tls?.key === planned.tls?.key && isDeepStrictEqual(known?.planned, planned);
    return same ? known : undefined;
  }

  #start(planned: PlannedUpstream): InUse {
    const onFailure: UpstreamDeps['onFailure'] = (req, res, status, code) => {
      const [instance, denial] = [instanceOf(req), { status, code }];
      tellRefusal(this.shared.log, { instance, denial, method: req.method, client: clientAddressOf(req) });
      deny(res, denial, instance);
    };
    return { planned, upstream: createUpstream(planned, { ...this.shared, onFailure }) };
  }
}

/** Nobody is followed where nobody asks. */
function requestsOf({ logging }: Plan, { log, metrics }: Shared, tracing: Tracing | undefined): Requests | undefined {
  const access = logging.access && new AccessLog(logging.access, log);
  return access || metrics || tracing ? new Requests({ access, metrics, tracing, setField: replaceField }) : undefined;
}

function replaceField(req: IncomingMessage, name: string, value: string | undefined): void {
  if (value === undefined) editFields(req, (each, sent) => (each === name ? undefined : sent));
  else setField(req, name, value);
}

/** The names that series are labelled by. */
export function namesOf({ routes, upstreams, methods, listeners }: Plan): Parameters<PrometheusMetrics['keep']>[0] {
  const plugins = methods.filter(({ type }) => type === 'plugin');
  return {
    route: [NO_ROUTE, ...routes.map(({ id }) => id)],
    upstream: upstreams.map(({ name }) => name),
    listener: listeners.map(({ name }) => name),
    plugin: plugins.map(({ name }) => name),
  };
}
