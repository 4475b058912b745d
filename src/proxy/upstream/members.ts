/** Selects an endpoint of one upstream that takes a request, or returns the reason why none does. */
import type { PlannedUpstream } from '../../config/plan-types.js';
import { UpstreamShortage } from '../failure.js';
import { createBalancer, type Pick } from './balancer.js';
import { Member, type EndpointStatus, type EndpointLease, type MemberDeps, type Use } from './member.js';

export interface Wanted {
  readonly use: Use;
  /** The client address as limits count it. Only `ip_hash` calls this function. */
  readonly client: () => string;
  /** Endpoints that have failed this request. They are used again only if no other endpoint is usable. */
  readonly tried?: ReadonlySet<Member>;
}

export class Members {
  readonly all: readonly Member[];
  readonly #pick: Pick<Member>;

  constructor(planned: PlannedUpstream, deps: MemberDeps) {
    this.all = planned.endpoints.map((_, at) => new Member(planned, at, deps));
    if (this.all.length === 0) throw new TypeError('an upstream needs an endpoint');
    this.#pick = createBalancer({ algorithm: planned.balancer, candidates: this.all, random: deps.random });
  }

  /**
   * If no endpoint is up, the result is 503 at once, as in HAProxy. Envoy's panic mode sends requests to endpoints that
   * are down, which would keep them down.
   */
  lease({ use, client, tried }: Wanted): EndpointLease | UpstreamShortage {
    const usable = (member: Member): boolean => member.up && member.hasRoom(use);
    const untried = tried && this.#pick((member) => usable(member) && !tried.has(member), client);
    const member = untried ?? this.#pick(usable, client);
    return member?.lease(use) ?? new UpstreamShortage(this.anyUp ? 'upstream_overloaded' : 'upstream_unavailable');
  }

  get anyUp(): boolean {
    return this.all.some(({ up }) => up);
  }

  get inFlight(): number {
    return this.all.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  status(): readonly EndpointStatus[] {
    return this.all.map((member) => member.status());
  }

  close(): void {
    for (const member of this.all) member.close();
  }
}
