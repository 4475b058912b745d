/** A plan compiled for admission: tables, guards and rules that are created once and read on every request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Authenticator } from '../auth/combine.js';
import type { CompiledMethods } from '../auth/compile.js';
import type { Place } from '../auth/credentials.js';
import { holdsGranted } from '../auth/granted-credential.js';
import type { HeaderRule } from '../auth/header-rule.js';
import type { Identity } from '../auth/identity.js';
import type { Protection } from '../auth/protection.js';
import { OPEN } from '../auth/requirement.js';
import type { Plan, PlannedMethod } from '../config/plan-types.js';
import type { Guard, RequestContext } from '../context/request-context.js';
import { createFramingCheck, type FramingCheck } from '../http/framing.js';
import { TrustedHeaders } from '../http/header-policy.js';
import { peerMatcher, type AddressMatcher } from '../lib/address.js';
import { peerAddressOf } from '../lib/connection.js';
import type { Metrics } from '../lib/metrics.js';
import { throttleLog } from '../lib/log-throttle.js';
import { atOnce, type Steps } from '../lib/slices.js';
import type { Log, NonEmpty, Now } from '../lib/types.js';
import { MemoryLimiter, type Limiter } from '../limit/limiter.js';
import type * as Delivered from '../routing/delivered-paths.js';
import { deliversOtherwise } from '../routing/path-rewrite.js';
import { RouteTable } from '../routing/route-table.js';
import { Clients } from './client.js';
import { createCors, type Cors } from './cors.js';
import { Guards } from './guards.js';
import { IdentityHeaders } from './identity-headers.js';
import { Limits } from './limits.js';
import { identifyRequest } from './request-id.js';
import { createIdentityStripper, createOthersStripper, type Strip } from './strip-identity-headers.js';
import { SetupAdvice } from './setup-advice.js';
import { rejectUnsendableSubjects } from './unsendable-subject.js';

const require = createRequire(import.meta.url);

export interface AdmissionPolicyDeps {
  readonly methods: CompiledMethods;
  readonly now: Now;
  readonly log: Log;
  /** Default: nothing is counted. */
  readonly metrics?: Metrics;
  /** Shared across reloads, so that a reload refills no bucket. Default: a new limiter. */
  readonly limiter?: Limiter;
  /** Whether requests arrive through listeners of the plan, and not through a host's own server. */
  readonly standalone: boolean;
}

/** The parts of a policy that grow with the number of routes. */
export interface RoutingTables {
  readonly routes: RouteTable;
  /** Undefined if the router alone decides which path an upstream or the host receives. */
  readonly deliveredPaths: Delivered.DeliveredPaths | undefined;
}

export function* routingInSteps(plan: Plan, standalone: boolean): Steps<RoutingTables> {
  const routes = yield* RouteTable.inSteps(plan.routes, standalone ? undefined : (plan.unmatched ?? OPEN));
  if (!deliversOtherwise(plan.routes)) return { routes, deliveredPaths: undefined };
  const { DeliveredPaths } = require('../routing/delivered-paths.js') as typeof Delivered;
  return { routes, deliveredPaths: yield* DeliveredPaths.inSteps(plan) };
}

export class AdmissionPolicy {
  readonly log: Log;
  readonly now: Now;
  readonly standalone: boolean;
  /** For log lines that every request can cause. */
  readonly throttledLog: Log;
  readonly routes: RouteTable;
  readonly deliveredPaths: Delivered.DeliveredPaths | undefined;
  readonly stripIdentityHeaders: Strip;
  /** The `trusted_headers` of the configuration. */
  readonly trustedHeaders: TrustedHeaders;
  readonly framing: FramingCheck;
  readonly limits: Limits;
  readonly clients: Clients;
  readonly advice: SetupAdvice;
  /** Undefined if the configuration has no `cors` block. */
  readonly cors: Cors | undefined;
  readonly identityHeaders: IdentityHeaders;
  readonly methods: ReadonlyMap<string, PlannedMethod>;
  /** Every place of a credential. Each place is emptied before a request is forwarded. */
  readonly places: readonly Place[];
  readonly unmatched: Guard;
  /** Undefined if no proxy is trusted. */
  readonly #trusted: AddressMatcher | undefined;
  readonly #stripForeign: Readonly<Record<'fromProxies' | 'fromClients', Strip>>;
  readonly #guards: Guards;
  readonly #certificateRules: ReadonlyMap<number, readonly HeaderRule[]>;

  /** Default for `tables`: made here. Guards that `compileGuards` has not made are made at their first use. */
  constructor(
    readonly plan: Plan,
    deps: AdmissionPolicyDeps,
    tables?: RoutingTables,
  ) {
    const { methods, identityHeaders, trustedProxies, trustedHeaders } = plan;
    this.log = deps.log;
    this.now = deps.now;
    this.standalone = deps.standalone;
    this.throttledLog = throttleLog(deps.log, deps.now);
    ({ routes: this.routes, deliveredPaths: this.deliveredPaths } =
      tables ?? atOnce(routingInSteps(plan, deps.standalone)));
    this.stripIdentityHeaders = createIdentityStripper(identityHeaders);
    this.places = methods.flatMap((each) => each.places);
    this.trustedHeaders = new TrustedHeaders(trustedHeaders);
    this.#stripForeign = {
      fromProxies: createOthersStripper({ believed: true, trustedHeaders: this.trustedHeaders }, this.places),
      fromClients: createOthersStripper({ believed: false, trustedHeaders: this.trustedHeaders }, this.places),
    };
    this.framing = createFramingCheck(this.places.flatMap((place) => (place.in === 'header' ? [place.name] : [])));
    this.limits = new Limits(deps.limiter ?? new MemoryLimiter(deps.now), plan.rateLimit, deps.metrics);
    this.#trusted = trustedProxies.length === 0 ? undefined : peerMatcher(trustedProxies);
    this.clients = new Clients({ ...deps, trusted: this.#trusted, header: plan.clientIpHeader });
    this.advice = new SetupAdvice({ plan, log: deps.log, isTrusted: this.isTrusted, isCdn: this.clients.isCdn });
    this.cors = plan.cors && createCors(plan.cors);
    this.identityHeaders = new IdentityHeaders(new Map(methods.map((each) => [each.name, each.headers])));
    this.methods = new Map(methods.map((each) => [each.name, each]));
    this.#guards = new Guards(plan, rejectUnsendableSubjects(deps.methods, this.identityHeaders));
    this.unmatched = this.#guards.unmatched;
    this.#certificateRules = rulesByPort(plan.listeners);
    if (!tables) atOnce(this.compileGuards());
  }

  /** Compiles the guards of all routes. Throws if the methods of the plan cannot satisfy a requirement. */
  compileGuards(): Steps<void> {
    return this.#guards.compile();
  }

  /** Sets the request id on the request and the response, if the configuration enables request ids. */
  identify(context: RequestContext, res: ServerResponse | undefined): void {
    const { requestId } = this.plan.logging;
    if (!requestId) return;
    const id = identifyRequest(context, requestId, this.#comesFromProxy(context));
    if (id !== undefined && res && !res.headersSent) res.setHeader(requestId.header, id);
  }

  /** Whether the address is one of `trusted_proxies`. */
  readonly isTrusted = (address: string): boolean => this.#trusted?.(address) === true;

  #comesFromProxy({ request }: RequestContext): boolean {
    return this.isTrusted(peerAddressOf(request));
  }

  /** Removes the identity headers of other products from a request that a host handles. */
  stripForeignIdentity(context: RequestContext): void {
    this.#stripForeign[this.#comesFromProxy(context) ? 'fromProxies' : 'fromClients'](context);
  }

  /**
   * Whether the header holds the credential that granted the identity. The header value is then verified.
   */
  readsHeader(request: IncomingMessage, identity: Identity, name: string): boolean {
    const places = this.methods.get(identity.method)?.places ?? [];
    const inHeader = places.filter((place) => place.in === 'header' && place.name.toLowerCase() === name);
    return inHeader.some((place) => holdsGranted(request, identity, place));
  }

  /** Whether an auth method of the configuration reads its credential from the header. */
  isCredentialHeader(name: string): boolean {
    return this.places.some((place) => place.in === 'header' && place.name === name);
  }

  guardAt(index: number): Guard {
    return this.#guards.at(index);
  }

  /**
   * Returns the guard of a protection in the host's code. Throws a TypeError for an auth method that is not in the
   * configuration.
   */
  guardFor(protection: Protection): Guard {
    return this.#guards.for(protection);
  }

  /**
   * Returns a guard that accepts any of the auth methods. The context of the request records the verdict of each
   * method.
   */
  recordingGuardFor(names: NonEmpty<string>): Guard {
    return this.#guards.recordingFor(names);
  }

  /** Returns the text of a guard that the code of a host requires, by which another policy makes its own guard. */
  hostKeyOf(guard: Guard | undefined): string | undefined {
    return guard && this.#guards.hostKeyOf(guard);
  }

  authenticatorOf(guard: Guard): Authenticator {
    return this.#guards.authenticatorOf(guard);
  }

  /** Returns the rules for the headers that a verified certificate sets on this connection. */
  certificateRules(req: IncomingMessage): readonly HeaderRule[] {
    if (this.standalone) return this.#certificateRules.get(req.socket.localPort ?? 0) ?? [];
    return [...this.#certificateRules.values()].flat();
  }
}

/** Two listener addresses may share a port, and Unix sockets share port 0. The rules of all then apply to each. */
function rulesByPort(listeners: Plan['listeners']): ReadonlyMap<number, readonly HeaderRule[]> {
  const rules = new Map<number, readonly HeaderRule[]>();
  for (const { port, tls } of listeners)
    rules.set(port, [...(rules.get(port) ?? []), ...(tls?.clientCertHeaders ?? [])]);
  return rules;
}
