/** Forwards an admitted request or upgrade to the upstream of its route. */
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { Denial } from '../admission/denial.js';
import { prepareOutbound } from '../admission/outbound.js';
import type { AdmissionPolicy } from '../admission/policy.js';
import { listItems } from '../auth/credentials.js';
import { expiryOf } from '../auth/identity.js';
import type { PlannedRoute } from '../config/plan-types.js';
import type { RequestContext } from '../context/request-context.js';
import { isBodyConsumed } from '../http/request-body.js';
import type { LiveSockets } from '../proxy/tunnel.js';
import type * as Upgrades from '../proxy/upgrade.js';
import type { Upstream, UpstreamDeps } from '../proxy/upstream.js';
import { denialOn, responseHeadersOf, type Answerable, type AnswerTerms } from './answers.js';

const require = createRequire(import.meta.url);

export interface ForwardingDeps {
  readonly policy: AdmissionPolicy;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly liveSockets: LiveSockets;
  readonly terms: AnswerTerms;
}

type ProxiedRoute = PlannedRoute & { readonly upstream: string };

export function isProxied(route: PlannedRoute | undefined): route is ProxiedRoute {
  return route?.upstream !== undefined;
}

export class Forwarding {
  constructor(private readonly deps: ForwardingDeps) {
    // Loads the module at the start and not during the first upgrade.
    if (deps.upstreams.size > 0) upgrades();
  }

  /** Returns a denial if the body was read already, or is no stream, and cannot be forwarded. */
  denialOf({ kind, injected, request, route }: RequestContext): Denial | undefined {
    if (kind !== 'request' || !isProxied(route)) return undefined;
    const { throttledLog } = this.deps.policy;
    if (injected && typeof request.pipe !== 'function') {
      const advice = 'a mock without a stream cannot be forwarded: send the request to a server';
      throttledLog.error({ route: route.id }, advice);
      return { status: 500, code: 'internal' };
    }
    if (!isBodyConsumed(request)) return undefined;
    const advice = 'the body was read before Loom: mount Loom before any body parser, such as express.json()';
    throttledLog.error({ route: route.id }, advice);
    return { status: 500, code: 'body_consumed' };
  }

  request(recipient: Answerable, route: ProxiedRoute): void {
    const { policy, terms } = this.deps;
    const { context, res, refuse } = recipient;
    const responseHeaders = responseHeadersOf(context, terms);
    const url = prepareOutbound(policy, context, route);
    const { timeoutMs, preserveHost, retry } = route;
    const onFailure = refuse && failureOn(recipient, terms);
    const options = { url, timeoutMs, preserveHost, retry, responseHeaders, onFailure };
    this.#upstreamOf(route).forward(context, res, options);
  }

  upgrade(
    context: RequestContext,
    socket: Duplex,
    { head, route }: { readonly head: Buffer; readonly route: ProxiedRoute },
  ): void {
    const { policy, liveSockets, terms } = this.deps;
    const { request, identities, target } = context;
    const { 'sec-websocket-protocol': offered, host = '' } = request.headers;
    const url = prepareOutbound(policy, context, route);
    const expiresAtMs = expiryOf(identities);
    upgrades().forwardUpgrade({
      context,
      socket,
      head,
      upstream: this.#upstreamOf(route),
      url,
      timeoutMs: route.timeoutMs,
      preserveHost: route.preserveHost,
      ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
      maxSessionMs: route.maxSessionMs,
      // Both subprotocol entries of the token are removed. A browser that offered them requires a selected subprotocol.
      ...(offered === request.headers['sec-websocket-protocol'] ? {} : { answerSubprotocol: markerIn(offered) }),
      liveSockets,
      session: { route: route.id, host, path: target.path, identities },
      deny: denialOn({ context, socket }, terms),
      log: policy.throttledLog,
      now: policy.now,
    });
  }

  #upstreamOf(route: ProxiedRoute): Upstream {
    const upstream = this.deps.upstreams.get(route.upstream);
    if (!upstream) throw new TypeError(`no upstream is named ${JSON.stringify(route.upstream)}`);
    return upstream;
  }
}

/** Not a closure of the method above, which would keep the policy. */
function failureOn(recipient: Answerable, terms: AnswerTerms): UpstreamDeps['onFailure'] {
  const denial = denialOn(recipient, terms);
  return (_context, _res, { status, code }) => denial(status, code);
}

/** A browser accepts only the spelling that it offered. */
function markerIn(offered = ''): string {
  return listItems(offered).find((item) => item.toLowerCase() === 'bearer') ?? 'bearer';
}

/** Loads the module only if the configuration has an upstream. */
function upgrades(): typeof Upgrades {
  return require('../proxy/upgrade.js') as typeof Upgrades;
}
