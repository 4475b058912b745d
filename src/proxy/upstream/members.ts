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
  readonly tried?: ReadonlySet<Member> | undefined;
}

export class Members {
  readonly all: readonly Member[];
  readonly #pick: Pick<Member>;
  /** Set if there is nothing to choose. */
  readonly #only: Member | undefined;

  constructor(planned: PlannedUpstream, deps: MemberDeps) {
    this.all = planned.endpoints.map((_, at) => new Member(planned, at, deps));
    this.#only = this.all.length === 1 ? this.all[0] : undefined;
    if (this.all.length === 0) throw new TypeError('an upstream needs an endpoint');
    this.#pick = createBalancer({ algorithm: planned.balancer, candidates: this.all, random: deps.random });
  }

  /**
   * If no endpoint is up, the result is 503 at once, as in HAProxy. Envoy's panic mode sends requests to endpoints that
   * are down, which would keep them down.
   */
  lease(wanted: Wanted): EndpointLease | UpstreamShortage {
    const member = this.#only ? isUsable(this.#only, wanted.use) && this.#only : this.#choose(wanted);
    if (member) return member.lease(wanted.use);
    return new UpstreamShortage(this.anyUp ? 'upstream_overloaded' : 'upstream_unavailable');
  }

  #choose({ use, client, tried }: Wanted): Member | undefined {
    const usable = (member: Member): boolean => isUsable(member, use);
    const untried = tried && this.#pick((member) => usable(member) && !tried.has(member), client);
    return untried ?? this.#pick(usable, client);
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

function isUsable(member: Member, use: Use): boolean {
  return member.up && member.hasRoom(use);
}
