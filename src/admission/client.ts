/** Finds the client address behind `trusted_proxies` or a CDN, and logs the proxies that do not report it. */
import { createRequire } from 'node:module';
import { headerValues } from '../auth/credentials.js';
import type { PlannedClientIpHeader } from '../config/plan-types.js';
import type { RequestContext } from '../context/request-context.js';
import type * as ClientIpHeader from '../http/client-ip-header.js';
import { findClient } from '../http/forwarded-for.js';
import { peerMatcher, type AddressMatcher } from '../lib/address.js';
import { peerAddressOf } from '../lib/connection.js';
import { LogThrottle } from '../lib/log-throttle.js';
import type { Log, Now } from '../lib/types.js';

const require = createRequire(import.meta.url);

export interface ClientsDeps {
  /** Undefined if no proxy is trusted. */
  readonly trusted: AddressMatcher | undefined;
  /** The `client_ip_header` of the configuration. */
  readonly header?: PlannedClientIpHeader | undefined;
  readonly log: Log;
  readonly now: Now;
}

interface Cdn {
  readonly name: string;
  readonly isCdn: AddressMatcher;
}

/** A header without a usable client address, and its fault. */
interface Unusable {
  readonly header: string;
  readonly entry: string;
}

export class Clients {
  /** The name of `client_ip_header` in lower case, if the configuration has the option. */
  readonly header: string | undefined;
  /** Whether an address is in `client_ip_header.from`. Undefined if the configuration has no such option. */
  readonly isCdn: AddressMatcher | undefined;
  readonly #cdn: Cdn | undefined;
  /** If a proxy writes another form, every request has this fault. */
  readonly #lines: LogThrottle;

  constructor(private readonly deps: ClientsDeps) {
    const { header, now } = deps;
    this.#lines = new LogThrottle(now);
    this.#cdn = header && { name: header.name, isCdn: peerMatcher(header.from) };
    this.header = header?.name.toLowerCase();
    this.isCdn = this.#cdn?.isCdn;
  }

  /** Stores the client address in the context, for auth methods, rate limits and logs. */
  find(context: RequestContext): undefined {
    const { trusted } = this.deps;
    const { request, injected } = context;
    if (injected) {
      context.clientAddress = injected.client;
      return;
    }
    const forwardedFor = trusted ? headerValues(request, 'x-forwarded-for') : [];
    if (this.#cdn) {
      this.#findBehindCdn(context, forwardedFor, this.#cdn);
      return;
    }
    const { address, unknown } = findClient(peerAddressOf(request), forwardedFor, trusted);
    context.clientAddress = address;
    if (unknown !== undefined) this.#warn(address, { header: 'X-Forwarded-For', entry: unknown });
  }

  #findBehindCdn(context: RequestContext, forwardedFor: readonly string[], { name, isCdn }: Cdn): void {
    const { findCdnClient } = require('../http/client-ip-header.js') as typeof ClientIpHeader;
    const { trusted: isTrusted = () => false } = this.deps;
    const { request } = context;
    const lines = headerValues(request, name.toLowerCase());
    const { found, cdn } = findCdnClient(peerAddressOf(request), forwardedFor, { isTrusted, isCdn, lines });
    const { address, unknown } = found;
    context.clientAddress = address;
    if (unknown !== undefined) this.#warn(address, { header: 'X-Forwarded-For', entry: unknown });
    if (cdn?.fault !== undefined) this.#warn(address, { header: name, entry: cdn.fault });
    context.cdnRoute = cdn && cdn.fault === undefined ? cdn.route : undefined;
  }

  /** Does not log the entry, because the client may have written it. */
  #warn(client: string, { header, entry }: Unusable): void {
    this.#lines.log(`${header} ${entry} ${client}`, (omitted) => {
      const facts = { client, header, entry, ...(omitted > 0 && { omitted }) };
      this.deps.log.warn(facts, 'a trusted proxy sends no usable client address: the client is unknown');
    });
  }
}
