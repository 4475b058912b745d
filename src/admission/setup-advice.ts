/** Logs once what the code of a host or a proxy in front of it has set up wrongly, with the cure. */
import type { IncomingMessage } from 'node:http';
import { addressUseOf } from '../config/address-use.js';
import type { Plan } from '../config/plan-types.js';
import type { RequestContext } from '../context/request-context.js';
import { isUnknownClient } from '../http/client-address.js';
import { hasBody, isBodyConsumed } from '../http/request-body.js';
import { peerAddressOf } from '../lib/connection.js';
import type { Log } from '../lib/types.js';
import { corsQuestionOf } from './cors.js';

export interface SetupAdviceDeps {
  readonly plan: Plan;
  readonly log: Log;
  /** Whether a peer is one of `trusted_proxies`. */
  readonly isTrusted: (address: string) => boolean;
  /** Whether a peer is in `client_ip_header.from`. Default: none is. */
  readonly isCdn?: ((address: string) => boolean) | undefined;
}

type Topic =
  'untrusted proxy' | 'Forwarded' | 'trust proxy' | 'preflight' | 'parser before Loom' | 'parser behind Loom';

export class SetupAdvice {
  readonly #given = new Set<Topic>();
  readonly #log: Log;
  /** The first option of the file that depends on the client address. */
  readonly #addressUse: string | undefined;

  constructor(private readonly deps: SetupAdviceDeps) {
    this.#log = deps.log;
    this.#addressUse = addressUseOf(deps.plan);
  }

  /** For a request whose client address was found. */
  arrived({ request }: RequestContext): void {
    this.#adviseOnProxies(request);
    const { trustedProxies, clientIpHeader } = this.deps.plan;
    const readsProxies = trustedProxies.length > 0 || clientIpHeader !== undefined;
    if (!readsProxies && trustsProxy(request) && this.#isFirst('trust proxy')) {
      this.#log.warn(
        { setting: 'trust proxy' },
        'Express trusts a proxy, but Loom does not: add the addresses of the proxy to trusted_proxies in the file',
      );
    }
  }

  #adviseOnProxies({ headers, socket }: IncomingMessage): void {
    const forwardedFor = headers['x-forwarded-for'];
    if (this.#addressUse === undefined || (forwardedFor === undefined && headers.forwarded === undefined)) return;
    const peer = peerAddressOf({ socket });
    // The header of the CDN decides, and not what else the CDN sends. An unknown peer cannot become a trusted one.
    if (this.deps.isCdn?.(peer) === true || isUnknownClient(peer)) return;
    const facts = { peer, use: this.#addressUse };
    if (!this.deps.isTrusted(peer)) {
      if (!this.#isFirst('untrusted proxy')) return;
      const header = forwardedFor === undefined ? 'Forwarded' : 'X-Forwarded-For';
      this.#log.warn(
        { header, ...facts },
        'an untrusted peer sends the address of a client, which Loom ignores: if the peer is your proxy, add it to trusted_proxies',
      );
    } else if (forwardedFor === undefined && this.#isFirst('Forwarded')) {
      this.#log.warn(
        { header: 'Forwarded', ...facts },
        'a trusted proxy sends Forwarded alone, which Loom does not read: let the proxy send X-Forwarded-For',
      );
    }
  }

  /** For a request that the host or Loom answers, and not an upstream. */
  admitted({ request }: RequestContext): void {
    this.#adviseOnParser(request);
  }

  denied(context: RequestContext, { status }: { readonly status: number }): void {
    const { request } = context;
    const { plan } = this.deps;
    this.#adviseOnParser(request);
    if (plan.cors === undefined && PREFLIGHT_REFUSALS.has(status) && corsQuestionOf(request).preflight) {
      if (!this.#isFirst('preflight')) return;
      this.#log.warn(
        { status },
        'a CORS preflight was refused, because it has no credential: add a cors block to the file, or mount cors() before Loom',
      );
    } else if (
      status === 401 &&
      this.#hasHostStrategy() &&
      awaitsParser(request) &&
      this.#isFirst('parser behind Loom')
    ) {
      this.#log.warn(
        { status },
        'a request with an unread body was refused: if your strategy reads req.body, mount the body parser before Loom',
      );
    }
  }

  #adviseOnParser(request: IncomingMessage): void {
    // A strategy of the host may need the parsed body.
    if (!isBodyConsumed(request) || this.#hasHostStrategy() || !this.#isFirst('parser before Loom')) return;
    this.#log.warn(
      {},
      'a body parser runs before Loom, so it also reads the bodies of refused requests: mount Loom before the body parser',
    );
  }

  #hasHostStrategy(): boolean {
    return this.deps.plan.methods.some(({ type }) => type === 'strategy');
  }

  #isFirst(topic: Topic): boolean {
    if (this.#given.has(topic)) return false;
    this.#given.add(topic);
    return true;
  }
}

/** The statuses of a preflight that the file does not admit: no credential, no such method at the path. */
const PREFLIGHT_REFUSALS: ReadonlySet<number> = new Set([401, 403, 405]);

/** Whether a body waits for a parser behind Loom. */
function awaitsParser(request: IncomingMessage): boolean {
  return hasBody(request) && !isBodyConsumed(request) && (request as { body?: unknown }).body === undefined;
}

/** Whether the request belongs to an Express application that reads the addresses of a proxy. */
function trustsProxy(request: IncomingMessage): boolean {
  const { app } = request as { app?: { enabled?: (setting: string) => unknown } };
  return typeof app?.enabled === 'function' && app.enabled('trust proxy') === true;
}
