/** One endpoint of the file: one member, or with `dns` one for each address of its name. */
import { isIP } from 'node:net';
import type { PlannedUpstream } from '../../config/plan-types.js';
import { hostOf } from '../../lib/address.js';
import { placeOf } from '../endpoints.js';
import type { EndpointStatus } from './endpoint-status.js';
import { Member, type MemberDeps, type MemberPlace } from './member.js';
import { NameRefresh } from './name-refresh.js';
import { lookupOf, lookupThrough, type NameResolver } from './resolver.js';

export interface NamedEndpointDeps extends MemberDeps {
  /** Present if the upstream resolves names. */
  readonly resolver?: NameResolver | undefined;
  /** Called after the members have changed. */
  readonly changed: () => void;
}

export class NamedEndpoint {
  /** The members that take requests. */
  #members: readonly Member[];
  /** Members without a place in the last answer. Their requests and sockets end by themselves. */
  readonly #leaving = new Set<Member>();
  readonly #refresh: NameRefresh | undefined;
  readonly #labels: { readonly upstream: string; readonly endpoint: string };

  constructor(
    private readonly planned: PlannedUpstream,
    /** The index of the endpoint in the plan. */
    private readonly at: number,
    private readonly deps: NamedEndpointDeps,
  ) {
    const { log, now, random, metrics, resolver } = deps;
    const { name: endpoint, url, socketPath } = placeOf(planned.endpoints[at]?.url ?? '');
    this.#labels = { upstream: planned.name, endpoint };
    const host = hostOf(url);
    const hasName = socketPath === undefined && isIP(host) === 0;
    const resolves = planned.dns !== undefined && resolver !== undefined && hasName;
    // Until the first answer each connection resolves the name.
    const through = resolves ? { lookup: lookupThrough(resolver) } : {};
    this.#members = [this.#create(through)];
    this.#publishUp();
    if (!resolves) return;
    const { refreshMs } = planned.dns;
    const changed = (addresses: readonly string[]): void => this.#take(addresses);
    this.#refresh = new NameRefresh({
      ...{ host, refreshMs, resolver, labels: this.#labels },
      ...{ log, now, random, metrics, changed },
    });
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  get inFlight(): number {
    let sum = 0;
    for (const { inFlight } of this.#members) sum += inFlight;
    for (const { inFlight } of this.#leaving) sum += inFlight;
    return sum;
  }

  status(): readonly EndpointStatus[] {
    this.#forgetIdle();
    const named = this.#refresh && { name: this.#refresh.status };
    return [
      ...this.#members.map((member) => ({ ...member.status(), ...named })),
      ...[...this.#leaving].map((member) => ({ ...member.status(), up: false, leaving: true as const })),
    ];
  }

  close(): void {
    this.#refresh?.close();
    for (const member of this.#members) member.close();
  }

  #create(place: MemberPlace): Member {
    const listener = { upChanged: () => this.#publishUp(), breakerChanged: () => this.#publishBreaker() };
    return new Member(this.planned, { ...place, at: this.at }, { ...this.deps, listener });
  }

  /** An address that stays keeps its member, with its connections, health and breaker. */
  #take(addresses: readonly string[]): void {
    const known = new Map(this.#members.map((member) => [member.endpoint.address, member]));
    this.#forgetIdle();
    this.#members = addresses.map(
      (address) => known.get(address) ?? this.#create({ address, lookup: lookupOf(address) }),
    );
    const leaving = [...known.values()].filter((member) => !this.#members.includes(member));
    for (const member of leaving) this.#leaving.add(member);
    this.deps.metrics?.gauge('loom_upstream_addresses', this.#labels, addresses.length);
    this.#publishUp();
    this.#publishBreaker();
    this.deps.changed();
    // Their waiting requests go to the new members.
    for (const member of leaving) member.leave();
  }

  #forgetIdle(): void {
    for (const member of this.#leaving) if (member.inFlight === 0) this.#leaving.delete(member);
  }

  #publishUp(): void {
    const up = this.#members.some(({ isUp }) => isUp);
    this.deps.metrics?.gauge('loom_upstream_up', this.#labels, up ? 1 : 0);
  }

  /** The worst of the addresses. */
  #publishBreaker(): void {
    const states = this.#members.flatMap(({ breaker }) => (breaker ? [STATES[breaker.state]] : []));
    if (states.length > 0) this.deps.metrics?.gauge('loom_upstream_breaker', this.#labels, Math.max(...states));
  }
}

/** The value of each state in the metric. */
const STATES = { closed: 0, half_open: 1, open: 2 } as const;
