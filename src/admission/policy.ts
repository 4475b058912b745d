/** A plan compiled for admission: tables, guards and rules that are made once and asked on every request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BlockList } from 'node:net';
import type { Authenticator } from '../auth/combine.js';
import { compileRequirement, readRequirement, type CompiledMethods } from '../auth/compile.js';
import type { Place } from '../auth/credentials.js';
import type { HeaderRule } from '../auth/header-rule.js';
import { methodsOf, OPEN, type Requirement } from '../auth/requirement.js';
import type { LimitKeyPart, Plan, PlannedMethod, PlannedRateLimit } from '../config/plan-types.js';
import { TrustedHeaders } from '../http/header-policy.js';
import type { Metrics } from '../lib/metrics.js';
import { seldomLog } from '../lib/seldom.js';
import type { Log, Now } from '../lib/types.js';
import { isTrusted, parseCidrs } from '../limit/address.js';
import { MemoryLimiter, type Limiter } from '../limit/limiter.js';
import type { RulesByMethod } from './identity-headers.js';
import { Clients } from './client.js';
import { createCors, type Cors } from './cors.js';
import { createFramingCheck, type FramingCheck } from '../http/framing.js';
import { Limits } from './limits.js';
import { identifyRequest } from './request-id.js';
import { RouteTable } from '../routing/route-table.js';
import { createIdentityStripper, type Strip } from './strip-identity-headers.js';
import { createOthersStripper } from './strip-foreign-identity.js';
import { rejectUntoldSubjects } from './untold-subject.js';

/** Who may pass one route, and what an answer of it must say to caches. */
export interface Guard {
  readonly requirement: Requirement;
  readonly authenticate: Authenticator;
  /** The request headers that the answer depends on. */
  readonly vary: readonly string[];
}

export interface GateDeps {
  readonly methods: CompiledMethods;
  readonly now: Now;
  readonly log: Log;
  /** Default: nobody collects. */
  readonly metrics?: Metrics;
  /** Outlives the gate, so that a reload refills no bucket. Default: one of its own. */
  readonly limiter?: Limiter;
  /** Requests come through listeners of the plan, rather than through a host's own server. */
  readonly standalone: boolean;
}

export class Gate {
  readonly routes: RouteTable;
  /** For lines that each request can cause. */
  readonly seldom: Log;
  readonly strip: Strip;
  /** The `trusted_headers` of the file. */
  readonly trustedHeaders: TrustedHeaders;
  readonly framing: FramingCheck;
  readonly limits: Limits;
  readonly clients: Clients;
  /** Undefined where the file says nothing of other origins. */
  readonly cors: Cors | undefined;
  readonly rules: RulesByMethod;
  readonly planned: ReadonlyMap<string, PlannedMethod>;
  /** Every place of every method, to be emptied before a request goes on. */
  readonly places: readonly Place[];
  readonly unmatched: Guard;
  /** Undefined where no proxy is trusted. */
  readonly #trusted: BlockList | undefined;
  readonly #stripOthers: Readonly<Record<'fromProxies' | 'fromClients', Strip>>;
  readonly #methods: CompiledMethods;
  readonly #guards: readonly Guard[];
  readonly #adHoc = new Map<string, Guard>();
  readonly #certificateRules: ReadonlyMap<number, readonly HeaderRule[]>;

  constructor(
    readonly plan: Plan,
    readonly deps: GateDeps,
  ) {
    const { methods, routes, identityHeaders, trustedProxies, trustedHeaders } = plan;
    this.routes = new RouteTable(routes);
    this.seldom = seldomLog(deps.log, deps.now);
    this.strip = createIdentityStripper(identityHeaders);
    this.places = methods.flatMap((each) => each.places);
    this.trustedHeaders = new TrustedHeaders(trustedHeaders);
    this.#stripOthers = {
      fromProxies: createOthersStripper({ believed: true, trustedHeaders: this.trustedHeaders }, this.places),
      fromClients: createOthersStripper({ believed: false, trustedHeaders: this.trustedHeaders }, this.places),
    };
    this.framing = createFramingCheck(this.places.flatMap((place) => (place.in === 'header' ? [place.name] : [])));
    const limiter = deps.limiter ?? new MemoryLimiter(deps.now);
    this.limits = new Limits(limiter, this.#withoutCredentials(plan.rateLimit), deps.metrics);
    this.#trusted = trustedProxies.length === 0 ? undefined : parseCidrs(trustedProxies);
    this.clients = new Clients({ ...deps, trusted: this.#trusted });
    this.cors = plan.cors && createCors(plan.cors);
    this.rules = new Map(methods.map((each) => [each.name, each.headers]));
    this.planned = new Map(methods.map((each) => [each.name, each]));
    this.#methods = rejectUntoldSubjects(deps.methods, this.rules);
    this.#guards = routes.map((route) => this.#guardOf(route.requirement));
    this.unmatched = this.#guardOf(plan.unmatched ?? OPEN);
    this.#certificateRules = rulesByPort(plan.listeners);
  }

  /** `header:NAME` of a credential means its identity: the credential itself is no bucket's name. */
  #withoutCredentials(limit: PlannedRateLimit | undefined): PlannedRateLimit | undefined {
    if (!limit) return undefined;
    const names = new Set(this.places.flatMap((place) => (place.in === 'header' ? [place.name] : [])));
    const replace = (key: readonly LimitKeyPart[]): readonly LimitKeyPart[] =>
      key.map((part) => (part.kind === 'header' && names.has(part.name.toLowerCase()) ? { kind: 'identity' } : part));
    const quotas = limit.quotas.map((quota) => ({ ...quota, key: replace(quota.key) }));
    return { ...limit, key: replace(limit.key), quotas };
  }

  /** Gives the request its id, where the file asks for one, and its answer too. */
  identify(req: IncomingMessage, res: ServerResponse | undefined): void {
    const { requestId } = this.plan.logging;
    if (!requestId) return;
    const id = identifyRequest(req, requestId, this.isTrusted(req.socket.remoteAddress ?? ''));
    if (id !== undefined && res && !res.headersSent) res.setHeader(requestId.header, id);
  }

  /** Whether the address is one of `trusted_proxies`. */
  isTrusted(address: string): boolean {
    return this.#trusted !== undefined && isTrusted(address, this.#trusted);
  }

  /** What removes the identity headers of other products from a request of this peer that a host handles. */
  othersStripper(req: IncomingMessage): Strip {
    return this.#stripOthers[this.isTrusted(req.socket.remoteAddress ?? '') ? 'fromProxies' : 'fromClients'];
  }

  /** Whether a method reads its credential from the header, so that its value granted where the method did. */
  readsHeader(method: string, name: string): boolean {
    const places = this.planned.get(method)?.places ?? [];
    return places.some((place) => place.in === 'header' && place.name.toLowerCase() === name);
  }

  guardAt(index: number): Guard {
    return this.#guards[index] ?? this.unmatched;
  }

  /** The guard of a requirement that stands in the host's code; throws a TypeError for a method that is not in the file. */
  guardFor(requirement: Requirement): Guard {
    const key = JSON.stringify(requirement);
    let guard = this.#adHoc.get(key);
    if (!guard) {
      guard = this.#guardOf(readRequirement(requirement, this.#methods));
      this.#adHoc.set(key, guard);
    }
    return guard;
  }

  #guardOf(requirement: Requirement): Guard {
    const names = methodsOf(requirement);
    const places = names.flatMap((name) => this.planned.get(name)?.places ?? []);
    const authenticate = compileRequirement(requirement, this.#methods);
    return { requirement, authenticate, vary: [...new Set(places.flatMap(headerOfPlace))] };
  }

  /** The headers that a verified certificate sets on this connection. */
  certificateRules(req: IncomingMessage): readonly HeaderRule[] {
    if (this.deps.standalone) return this.#certificateRules.get(req.socket.localPort ?? 0) ?? [];
    return [...this.#certificateRules.values()].flat();
  }
}

/** Two addresses may share a port; what either of them sets, both set. */
function rulesByPort(listeners: Plan['listeners']): ReadonlyMap<number, readonly HeaderRule[]> {
  const rules = new Map<number, readonly HeaderRule[]>();
  for (const { port, tls } of listeners)
    rules.set(port, [...(rules.get(port) ?? []), ...(tls?.clientCertHeaders ?? [])]);
  return rules;
}

function headerOfPlace(place: Place): readonly string[] {
  if (place.in === 'header') return [canonicalName(place.name)];
  if (place.in === 'cookie') return ['Cookie'];
  return [];
}

/** `x-api-key` as people write it: `X-Api-Key`. */
function canonicalName(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}
