/** Finds the client address behind `trusted_proxies` or a CDN, and logs the proxies that do not report it. */
import { createRequire } from 'node:module';
import { LRUCache } from 'lru-cache';
import { headerValues } from '../auth/credentials.js';
import type { PlannedClientIpHeader } from '../config/plan-types.js';
import type { RequestContext } from '../context/request-context.js';
import type * as ClientIpHeader from '../http/client-ip-header.js';
import { findClient } from '../http/forwarded-for.js';
import { peerMatcher, type AddressMatcher } from '../lib/address.js';
import { peerAddressOf } from '../lib/connection.js';
import type { Log, Now } from '../lib/types.js';

const require = createRequire(import.meta.url);

/** If a proxy writes another form, every request has this fault. One line per request would flood the log. */
const TOLD_EVERY_MS = 60_000;
const MOST_TOLD = 1_000;

interface Told {
  readonly until: number;
  more: number;
}

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
  readonly #told = new LRUCache<string, Told>({ max: MOST_TOLD });

  constructor(private readonly deps: ClientsDeps) {
    const { header } = deps;
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
    if (unknown !== undefined) this.#tell(address, { header: 'X-Forwarded-For', entry: unknown });
  }

  #findBehindCdn(context: RequestContext, forwardedFor: readonly string[], { name, isCdn }: Cdn): void {
    const { findCdnClient } = require('../http/client-ip-header.js') as typeof ClientIpHeader;
    const { trusted: isTrusted = () => false } = this.deps;
    const { request } = context;
    const lines = headerValues(request, name.toLowerCase());
    const { found, cdn } = findCdnClient(peerAddressOf(request), forwardedFor, { isTrusted, isCdn, lines });
    const { address, unknown } = found;
    context.clientAddress = address;
    if (unknown !== undefined) this.#tell(address, { header: 'X-Forwarded-For', entry: unknown });
    if (cdn?.fault !== undefined) this.#tell(address, { header: name, entry: cdn.fault });
    context.cdnRoute = cdn && cdn.fault === undefined ? cdn.route : undefined;
  }

  /** Does not log the entry, because the client may have written it. */
  #tell(client: string, { header, entry }: Unusable): void {
    const { log, now } = this.deps;
    const key = `${header} ${entry} ${client}`;
    const told = this.#told.get(key);
    if (told && now() < told.until) {
      told.more += 1;
      return;
    }
    this.#told.set(key, { until: now() + TOLD_EVERY_MS, more: 0 });
    const facts = { client, header, entry, ...(told && { unreported: told.more }) };
    log.warn(facts, 'a trusted proxy sends no usable client address: the client is unknown');
  }
}
