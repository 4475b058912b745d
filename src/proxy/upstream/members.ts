/** Selects an endpoint of one upstream that takes a request, or returns the reason why none does. */
import type { PlannedUpstream } from '../../config/plan-types.js';
import { UpstreamShortage } from '../failure.js';
import { createBalancer, type Pick } from './balancer.js';
import type { EndpointStatus } from './endpoint-status.js';
import type { EndpointLease, Member, MemberDeps, Use } from './member.js';
import { NamedEndpoint } from './named-endpoint.js';
import { createResolver, type NameResolver } from './resolver.js';

export interface Wanted {
  readonly use: Use;
  /** The client address as limits count it. Only `ip_hash` calls this function. */
  readonly client: () => string;
  /** Endpoints that have failed this request. They are used again only if no other endpoint is usable. */
  readonly tried?: ReadonlySet<Member> | undefined;
}

export class Members {
  #all: readonly Member[] = [];
  #pick!: Pick<Member>;
  /** Set if there is nothing to choose. */
  #only: Member | undefined;
  readonly #endpoints: readonly NamedEndpoint[];
  readonly #resolver: NameResolver | undefined;

  constructor(
    private readonly planned: PlannedUpstream,
    private readonly deps: MemberDeps,
  ) {
    if (planned.endpoints.length === 0) throw new TypeError('an upstream needs an endpoint');
    this.#resolver = planned.dns && createResolver(planned.dns.servers);
    const changed = (): void => this.#rebalance();
    const parts = { ...deps, resolver: this.#resolver, changed };
    this.#endpoints = planned.endpoints.map((_, at) => new NamedEndpoint(planned, at, parts));
    this.#rebalance();
  }

  /** The balancer begins anew. A client of `ip_hash` keeps its address if the address stays. */
  #rebalance(): void {
    const { planned, deps } = this;
    const candidates = this.#endpoints.flatMap(({ members }) => members);
    this.#all = candidates;
    this.#only = candidates.length === 1 ? candidates[0] : undefined;
    this.#pick = createBalancer({ algorithm: planned.balancer, candidates, random: deps.random });
  }

  /**
   * If no endpoint is up, the result is 503 at once, as in HAProxy. Envoy's panic mode sends requests to endpoints that
   * are down, which would keep them down.
   */
  lease(wanted: Wanted): EndpointLease | UpstreamShortage {
    const member = this.#only ? isUsable(this.#only, wanted.use) && this.#only : this.#choose(wanted);
    if (member) return member.lease(wanted.use);
    return new UpstreamShortage(this.admits ? 'upstream_overloaded' : 'upstream_unavailable');
  }

  #choose({ use, client, tried }: Wanted): Member | undefined {
    const usable = (member: Member): boolean => isUsable(member, use);
    const untried = tried && this.#pick((member) => usable(member) && !tried.has(member), client);
    return untried ?? this.#pick(usable, client);
  }

  /** Whether health and circuit breaker of any endpoint admit a request. */
  get admits(): boolean {
    return this.#all.some(({ admits }) => admits);
  }

  get inFlight(): number {
    return this.#endpoints.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  status(): readonly EndpointStatus[] {
    return this.#endpoints.flatMap((endpoint) => endpoint.status());
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
    this.#resolver?.close();
  }
}

function isUsable(member: Member, use: Use): boolean {
  return member.admits && member.hasRoom(use);
}
