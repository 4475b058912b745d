/** The endpoints of one upstream: finds one that takes a request, or says why there is none. */
import type { PlannedUpstream } from '../../config/plan-types.js';
import { UpstreamShortage } from '../failure.js';
import { createBalancer, type Pick } from './balancer.js';
import { Member, type EndpointStatus, type EndpointLease, type MemberDeps, type Use } from './member.js';

export interface Wanted {
  readonly use: Use;
  /** The client's address as limits count it; asked for by `ip_hash` alone. */
  readonly client: () => string;
  /** Endpoints that have failed this request; they are asked again only where there is no other. */
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
   * None is up: 503 at once, as HAProxy has it. To send everything to endpoints that are known to be down (the panic mode
   * of Envoy) would keep them down.
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
