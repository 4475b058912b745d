/** Holds the state of one endpoint for requests: load, health, circuit breaker. */
import { Breaker, type BreakerState, type BreakerCall } from '../../lib/circuit-breaker.js';
import type { Metrics } from '../../lib/metrics.js';
import { OwnLimit } from '../../lib/own-limit.js';
import type { Log, Now } from '../../lib/types.js';
import type { PlannedUpstream } from '../../config/plan-types.js';
import { createEngine } from '../create-engine.js';
import { createEndpoint, type Endpoint } from '../endpoints.js';
import type { Engine } from '../engine.js';
import { failureOf, OWN_LIMIT } from '../failure.js';
import { hashOf } from './address-hash.js';
import type { BalancedEndpoint } from './balancer.js';
import { HealthCheck } from './health-check.js';
import { WaitingLine } from './waiting-line.js';

export interface MemberDeps {
  readonly log: Log;
  readonly now: Now;
  readonly random: () => number;
  readonly metrics?: Metrics;
}

export type Use = 'request' | 'upgrade';

/** The state of an endpoint for operators. */
/**
 * The state of one endpoint of an upstream.
 *
 * @example
 * import type { EndpointStatus } from 'loom-auth';
 *
 * export const lineOf = ({ url, up, inFlight }: EndpointStatus): string => `${url} ${up} ${inFlight}`;
 */
export interface EndpointStatus {
  /** Scheme, host and port. */
  readonly url: string;
  /** The share of requests, relative to the other endpoints. */
  readonly weight: number;
  /** Whether the endpoint takes new requests. */
  readonly up: boolean;
  /** The result of the health checks; absent without health checks. */
  readonly healthy?: boolean;
  /** The state of the circuit breaker; absent without a circuit breaker. */
  readonly breaker?: BreakerState;
  /** Requests without a complete response, and upgraded sockets. */
  readonly inFlight: number;
}

/** A pool below this size makes requests wait for each other. */
const WAITING_AT_LEAST = 100;

export class Member implements BalancedEndpoint {
  readonly endpoint: Endpoint;
  readonly engine: Engine;
  readonly weight: number;
  readonly hash: number;
  readonly breaker: Breaker | undefined;
  readonly #check: HealthCheck | undefined;
  readonly #labels: { readonly upstream: string; readonly endpoint: string };
  readonly #load = { request: 0, upgrade: 0 };
  readonly #shared: Readonly<Record<Use, EndpointLeaseParts>>;
  #healthy = true;

  constructor(
    private readonly planned: PlannedUpstream,
    /** The index of the endpoint in the plan. */
    readonly at: number,
    private readonly deps: MemberDeps,
  ) {
    const own = planned.endpoints[at] as PlannedUpstream['endpoints'][number];
    const { circuitBreaker, healthCheck } = planned;
    this.endpoint = createEndpoint(own, planned);
    this.engine = createEngine(this.endpoint, planned);
    this.weight = own.weight;
    this.hash = hashOf(own.url);
    const line = new WaitingLine(planned.maxOpen);
    const shared = { load: this.#load, line, failed: (error: unknown) => this.#count(error) };
    this.#shared = { request: { ...shared, use: 'request' }, upgrade: { ...shared, use: 'upgrade' } };
    this.#labels = { upstream: planned.name, endpoint: this.endpoint.name };
    this.breaker =
      circuitBreaker && new Breaker(circuitBreaker, { now: deps.now, changed: (state) => this.#breakerIs(state) });
    this.#check =
      healthCheck &&
      new HealthCheck(this.endpoint, healthCheck, {
        random: deps.random,
        checked: (cause) => this.#checked(cause),
        changed: (healthy, cause) => this.#healthIs(healthy, cause),
        prevented: ({ code }) => deps.log.warn({ ...this.#labels, cause: code }, OWN_LIMIT),
      });
    this.#tellUp();
  }

  get inFlight(): number {
    return this.#load.request + this.#load.upgrade;
  }

  /** Whether health and circuit breaker admit a request. This value does not include capacity. */
  get up(): boolean {
    return this.#healthy && (this.breaker?.admits ?? true);
  }

  /** As many requests may wait for a connection as have one, or more for a small pool. An upgrade never waits. */
  hasRoom(use: Use): boolean {
    const { maxOpen } = this.planned;
    return this.#load[use] < maxOpen + (use === 'request' ? Math.max(maxOpen, WAITING_AT_LEAST) : 0);
  }

  lease(use: Use): EndpointLease {
    return new EndpointLease(this, this.#shared[use]);
  }

  status(): EndpointStatus {
    const { endpoint, weight, inFlight, breaker } = this;
    return {
      url: endpoint.socketPath === undefined ? endpoint.url.origin : endpoint.name,
      weight,
      up: this.#healthy && breaker?.state !== 'open',
      ...(this.#check && { healthy: this.#healthy }),
      ...(breaker && { breaker: breaker.state }),
      inFlight,
    };
  }

  close(): void {
    this.#check?.close();
    this.engine.close();
  }

  #checked(cause: string | undefined): void {
    const outcome = cause === undefined ? 'healthy' : 'unhealthy';
    this.deps.metrics?.count('loom_upstream_health_checks_total', { ...this.#labels, outcome });
  }

  #healthIs(healthy: boolean, cause: string | undefined): void {
    this.#healthy = healthy;
    if (healthy) this.deps.log.info(this.#labels, 'endpoint is healthy again and takes requests');
    else this.deps.log.warn({ ...this.#labels, cause }, 'endpoint is unhealthy and takes no new requests');
    this.#tellUp();
  }

  #breakerIs(state: BreakerState): void {
    const { log, metrics } = this.deps;
    if (state === 'open') log.warn(this.#labels, 'circuit opened: the endpoint takes no requests for a while');
    else if (state === 'half_open') log.info(this.#labels, 'circuit half open: a few requests try the endpoint');
    else log.info(this.#labels, 'circuit closed: the endpoint takes requests again');
    metrics?.gauge('loom_upstream_breaker', this.#labels, { closed: 0, half_open: 1, open: 2 }[state]);
    this.#tellUp();
  }

  #tellUp(): void {
    const up = this.#healthy && this.breaker?.state !== 'open';
    this.deps.metrics?.gauge('loom_upstream_up', this.#labels, up ? 1 : 0);
  }

  #count(error: unknown): void {
    this.deps.metrics?.count('loom_upstream_failures_total', { ...this.#labels, code: failureOf(error).code });
  }
}

/** What all leases of one use have in common. */
interface EndpointLeaseParts {
  readonly load: { request: number; upgrade: number };
  readonly line: WaitingLine;
  readonly use: Use;
  readonly failed: (error: unknown) => void;
}

/** `501` and `505` describe the request and not the endpoint. */
const isFailure = (status: number): boolean => status >= 500 && status !== 501 && status !== 505;

type Result = 'succeeded' | 'failed' | 'leave';

/** The place of one request at an endpoint, from its choice to its end. The outcome feeds the circuit breaker. */
export class EndpointLease {
  readonly #call: BreakerCall | undefined;
  #inLine = false;
  #settled = false;
  /** Whether the circuit breaker has the outcome. */
  #told = false;
  #released = false;

  constructor(
    readonly member: Member,
    private readonly parts: EndpointLeaseParts,
  ) {
    parts.load[parts.use]++;
    this.#call = member.breaker?.enter();
  }

  get endpoint(): Endpoint {
    return this.member.endpoint;
  }

  /** Calls back when a connection is free for a request: at once, or after earlier requests. */
  whenFree(go: () => void): void {
    this.#inLine = true;
    this.parts.line.enter(this, go);
  }

  /** The response head arrived and its body is awaited. A failure status counts now, because retries depend on it. */
  headed(status: number): void {
    if (isFailure(status)) this.#tell('failed');
  }

  /** The response head arrived, with the first byte of its body if it has one. */
  answered(status: number): void {
    this.#settle(isFailure(status) ? 'failed' : 'succeeded');
  }

  /**
   * There was no connection, no response in time, or an invalid HTTP response. A limit of this process says nothing
   * about the endpoint.
   */
  failed(error: unknown): void {
    if (this.#settled || error instanceof OwnLimit) return;
    this.parts.failed(error);
    this.#settle('failed');
  }

  /** The request has ended. A request whose client left, or that had no connection, says nothing about the endpoint. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.parts.load[this.parts.use]--;
    this.#settle('leave');
    if (this.#inLine) this.parts.line.leave(this);
  }

  #settle(outcome: Result): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#tell(outcome);
  }

  #tell(outcome: Result): void {
    if (this.#told) return;
    this.#told = true;
    if (this.#call) this.member.breaker?.[outcome](this.#call);
  }
}
