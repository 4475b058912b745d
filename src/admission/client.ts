/** Finds the client address behind `trusted_proxies`, and logs the proxies that do not report it. */
import { LRUCache } from 'lru-cache';
import { headerValues } from '../auth/credentials.js';
import type { RequestContext } from '../context/request-context.js';
import { findClient, type UnknownReason } from '../http/forwarded-for.js';
import type { AddressMatcher } from '../lib/address.js';
import { peerAddressOf } from '../lib/connection.js';
import type { Log, Now } from '../lib/types.js';

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
  readonly log: Log;
  readonly now: Now;
}

export class Clients {
  readonly #told = new LRUCache<string, Told>({ max: MOST_TOLD });

  constructor(private readonly deps: ClientsDeps) {}

  /** Stores the client address in the context, for auth methods, rate limits and logs. */
  find(context: RequestContext): undefined {
    const { trusted } = this.deps;
    const { request, injected } = context;
    if (injected) {
      context.clientAddress = injected.client;
      return;
    }
    const forwardedFor = trusted ? headerValues(request, 'x-forwarded-for') : [];
    const { address, unknown } = findClient(peerAddressOf(request), forwardedFor, trusted);
    context.clientAddress = address;
    if (unknown !== undefined) this.#tell(address, unknown);
  }

  /** Does not log the entry, because the client may have written it. */
  #tell(client: string, why: UnknownReason): void {
    const { log, now } = this.deps;
    const key = `${why} ${client}`;
    const told = this.#told.get(key);
    if (told && now() < told.until) {
      told.more += 1;
      return;
    }
    this.#told.set(key, { until: now() + TOLD_EVERY_MS, more: 0 });
    const facts = { client, header: 'X-Forwarded-For', entry: why, ...(told && { unreported: told.more }) };
    log.warn(facts, 'a trusted proxy sends no usable client address: the client is unknown');
  }
}
