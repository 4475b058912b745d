/** Holds the state of one endpoint for requests: load, health, circuit breaker. */
import { Breaker, type BreakerState, type BreakerCall } from '../../lib/circuit-breaker.js';
import type { Metrics } from '../../lib/metrics.js';
import { OwnLimit } from '../../lib/own-limit.js';
import type { Log, Now } from '../../lib/types.js';
import type { PlannedUpstream } from '../../config/plan-types.js';
import type { LookupFunction } from 'node:net';
import { createEngine } from '../create-engine.js';
import { createEndpoint, type Endpoint } from '../endpoints.js';
import type { Engine } from '../engine.js';
import { failureOf, OWN_LIMIT } from '../failure.js';
import { hashOf } from './address-hash.js';
import type { BalancedEndpoint } from './balancer.js';
import type { EndpointStatus } from './endpoint-status.js';
import { HealthCheck } from './health-check.js';
import { WaitingLine } from './waiting-line.js';

export interface MemberDeps {
  readonly log: Log;
  readonly now: Now;
  readonly random: () => number;
  readonly metrics?: Metrics;
}

export interface MemberListener {
  /** Called after `isUp` may have changed. */
  upChanged(): void;
  /** Called after the state of the circuit breaker has changed. */
  breakerChanged(): void;
}

export type Use = 'request' | 'upgrade';

/** Where a member is. */
export interface MemberPlace {
  /** One address of the endpoint's name. Absent: each connection resolves the name. */
  readonly address?: string;
  readonly lookup?: LookupFunction;
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
  readonly #labels: Readonly<Record<'upstream' | 'endpoint', string>>;
  /** Of log lines. A metric has one series for all addresses of a name. */
  readonly #facts: Readonly<Record<'upstream' | 'endpoint', string>> & { readonly address?: string };
  readonly #load = { request: 0, upgrade: 0 };
  readonly #shared: Readonly<Record<Use, EndpointLeaseParts>>;
  readonly #line: WaitingLine;
  #healthy = true;
  #leaving = false;

  constructor(
    private readonly planned: PlannedUpstream,
    /** `at`: the index of the endpoint in the plan. */
    { at, ...place }: MemberPlace & { readonly at: number },
    private readonly deps: MemberDeps & { readonly listener: MemberListener },
  ) {
    const own = planned.endpoints[at] as PlannedUpstream['endpoints'][number];
    const { circuitBreaker, healthCheck } = planned;
    const { address } = place;
    this.endpoint = createEndpoint(own, planned, place);
    this.engine = createEngine(this.endpoint, planned);
    this.weight = own.weight;
    this.hash = hashOf(address === undefined ? own.url : `${own.url} ${address}`);
    this.#line = new WaitingLine(planned.maxOpen);
    const shared = { load: this.#load, line: this.#line, failed: (error: unknown) => this.#count(error) };
    this.#shared = { request: { ...shared, use: 'request' }, upgrade: { ...shared, use: 'upgrade' } };
    this.#labels = { upstream: planned.name, endpoint: this.endpoint.name };
    this.#facts = { ...this.#labels, ...(address !== undefined && { address }) };
    this.breaker =
      circuitBreaker && new Breaker(circuitBreaker, { now: deps.now, changed: (state) => this.#breakerIs(state) });
    this.#check =
      healthCheck &&
      new HealthCheck(this.endpoint, healthCheck, {
        random: deps.random,
        checked: (cause) => this.#checked(cause),
        changed: (healthy, cause) => this.#healthIs(healthy, cause),
        prevented: ({ code }) => deps.log.warn({ ...this.#facts, cause: code }, OWN_LIMIT),
      });
  }

  get inFlight(): number {
    return this.#load.request + this.#load.upgrade;
  }

  /** For metrics and pages: a half-open circuit is up. */
  get isUp(): boolean {
    return this.#healthy && this.breaker?.state !== 'open';
  }

  /** Whether health and circuit breaker admit a request. This value does not include capacity. */
  get admits(): boolean {
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
      ...(endpoint.address !== undefined && { address: endpoint.address }),
      weight,
      up: this.isUp,
      ...(this.#check && { healthy: this.#healthy }),
      ...(breaker && { breaker: breaker.state }),
      inFlight,
    };
  }

  /** Whether the endpoint takes no new request, because its name lost the address. */
  get isLeaving(): boolean {
    return this.#leaving;
  }

  /** Requests with a connection finish. Requests that wait for a connection go elsewhere. */
  leave(): void {
    this.#leaving = true;
    this.close();
    this.#line.dissolve();
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
    if (healthy) this.deps.log.info(this.#facts, 'endpoint is healthy again and takes requests');
    else this.deps.log.warn({ ...this.#facts, cause }, 'endpoint is unhealthy and takes no new requests');
    this.deps.listener.upChanged();
  }

  #breakerIs(state: BreakerState): void {
    const { log, listener } = this.deps;
    if (state === 'open') log.warn(this.#facts, 'circuit opened: the endpoint takes no requests for a while');
    else if (state === 'half_open') log.info(this.#facts, 'circuit half open: a few requests try the endpoint');
    else log.info(this.#facts, 'circuit closed: the endpoint takes requests again');
    listener.breakerChanged();
    listener.upChanged();
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
