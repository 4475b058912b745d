/** The guards of a plan and of the code of a host, each with its compiled authenticator. */
import { createRequire } from 'node:module';
import { any, type Authenticator } from '../auth/combine.js';
import { compileRequirement, readRequirement, type CompiledMethods } from '../auth/compile.js';
import type { Place } from '../auth/credentials.js';
import { requirementOf, type Protection, type RouteAuth } from '../auth/protection.js';
import { methodsOf, OPEN, type Requirement } from '../auth/requirement.js';
import type { Verdict } from '../auth/verdict.js';
import type { Plan, PlannedMethod } from '../config/plan-types.js';
import type * as RouteAuthReader from '../config/route-auth.js';
import { contextOf, type Guard } from '../context/request-context.js';
import type { Steps } from '../lib/slices.js';
import type { NonEmpty } from '../lib/types.js';
import { demandOf } from '../routing/route-table.js';

const require = createRequire(import.meta.url);

export class Guards {
  readonly unmatched: Guard;
  readonly #methods: ReadonlyMap<string, PlannedMethod>;
  readonly #authenticators = new Map<Guard, Authenticator>();
  /** By the requirement as text: routes with the same requirement share a guard. */
  readonly #byDemand = new Map<string, Guard>();
  readonly #hostGuards = new Map<string, Guard>();

  constructor(
    private readonly plan: Plan,
    private readonly compiled: CompiledMethods,
  ) {
    this.#methods = new Map(plan.methods.map((each) => [each.name, each]));
    this.unmatched = this.#guardOf(plan.unmatched ?? OPEN);
  }

  *compile(): Steps<void> {
    for (const { requirement } of this.plan.routes) {
      this.#guardOfRoute(requirement);
      yield;
    }
  }

  at(index: number): Guard {
    const route = this.plan.routes[index];
    return route ? this.#guardOfRoute(route.requirement) : this.unmatched;
  }

  #guardOfRoute(requirement: Requirement): Guard {
    const demand = demandOf(requirement);
    let guard = this.#byDemand.get(demand);
    if (!guard) this.#byDemand.set(demand, (guard = this.#guardOf(requirement)));
    return guard;
  }

  for(protection: Protection): Guard {
    return this.#hostGuard(JSON.stringify(protection), () => {
      const requirement = requirementOf(protection);
      if (requirement) return this.#guardOf(readRequirement(requirement, this.compiled));
      const { readRouteAuth } = require('../config/route-auth.js') as typeof RouteAuthReader;
      return this.#guardOf(readRouteAuth(protection as RouteAuth, this.plan));
    });
  }

  recordingFor(names: NonEmpty<string>): Guard {
    return this.#hostGuard(JSON.stringify([names]), () => {
      const method = (name: string): Requirement => ({ kind: 'method', name });
      const recording = (name: string): Authenticator => record(this.authenticatorOf(this.for(method(name))));
      const [first, ...others] = names;
      const guard = { ...this.for({ kind: 'any', of: [method(first), ...others.map(method)] }) };
      this.#authenticators.set(guard, any([recording(first), ...others.map(recording)]));
      return guard;
    });
  }

  #hostGuard(key: string, make: () => Guard): Guard {
    let guard = this.#hostGuards.get(key);
    if (!guard) this.#hostGuards.set(key, (guard = make()));
    return guard;
  }

  hostKeyOf(guard: Guard): string | undefined {
    return [...this.#hostGuards].find(([, each]) => each === guard)?.[0];
  }

  /**
   * Returns the authenticator of a guard. A guard is data, so that a request can keep it. The policy keeps the
   * authenticator.
   */
  authenticatorOf(guard: Guard): Authenticator {
    const authenticator = this.#authenticators.get(guard);
    if (!authenticator) throw new TypeError('the guard is of another policy');
    return authenticator;
  }

  #guardOf(requirement: Requirement): Guard {
    const names = methodsOf(requirement);
    const places = names.flatMap((name) => this.#methods.get(name)?.places ?? []);
    const challenges = new Map(
      names.flatMap((name) => {
        const { challenge } = this.compiled.get(name) ?? {};
        return challenge ? [[name, challenge] as const] : [];
      }),
    );
    const guard = { requirement, vary: [...new Set(places.flatMap(headerOfPlace))], challenges };
    this.#authenticators.set(guard, compileRequirement(requirement, this.compiled));
    return guard;
  }
}

function record(authenticate: Authenticator): Authenticator {
  return (attempt) => {
    const context = contextOf(attempt.request);
    const keep = (verdict: Verdict): Verdict => {
      context.methodVerdicts = [...context.methodVerdicts, verdict];
      return verdict;
    };
    const verdict = authenticate(attempt);
    return verdict instanceof Promise ? verdict.then(keep) : keep(verdict);
  };
}

function headerOfPlace(place: Place): readonly string[] {
  if (place.in === 'header') return [canonicalName(place.name)];
  if (place.in === 'cookie') return ['Cookie'];
  return [];
}

/** Converts `x-api-key` to the usual spelling `X-Api-Key`. */
function canonicalName(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}
