/** Resolves the name of one endpoint at intervals, and reports its addresses when they have changed. */
import type { Log, Now } from '../../lib/types.js';
import type { Metrics } from '../../lib/metrics.js';
import type { NameStatus } from './endpoint-status.js';
import type { NameResolver, Resolution } from './resolver.js';

export interface NameRefreshParts {
  readonly host: string;
  readonly refreshMs: number;
  readonly resolver: NameResolver;
  readonly labels: { readonly upstream: string; readonly endpoint: string };
  readonly log: Log;
  readonly now: Now;
  /** A number from 0 to below 1. */
  readonly random: () => number;
  readonly metrics?: Metrics | undefined;
  /** Receives the addresses when they differ from the last ones. */
  readonly changed: (addresses: readonly string[]) => void;
}

/** Gateways that start together must not ask together for ever. */
const JITTER = 0.1;
const FIRST_RETRY_MS = 1_000;
/** One answer must not make an endpoint of each of thousands of addresses. */
const MOST_ADDRESSES = 256;

/** A failed resolution changes no address. The timer does not keep the process alive. */
export class NameRefresh {
  #addresses: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #resolvedAt: number | undefined;
  #fault: string | undefined;
  /** Consecutive resolutions that failed. */
  #faults = 0;
  #closed = false;

  constructor(private readonly parts: NameRefreshParts) {
    void this.#ask();
  }

  get status(): NameStatus {
    const [resolvedAt, fault] = [this.#resolvedAt, this.#fault];
    return { ...(resolvedAt !== undefined && { resolvedAt }), ...(fault !== undefined && { fault }) };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    const { host, resolver, refreshMs, random } = this.parts;
    const resolution = await resolver.resolve(host, this.#addresses);
    if (this.#closed) return;
    this.#take(resolution);
    const retryMs = FIRST_RETRY_MS * 2 ** Math.min(this.#faults - 1, 16);
    const ms = this.#faults === 0 ? refreshMs : Math.min(refreshMs, retryMs);
    this.#timer = setTimeout(() => void this.#ask(), ms * (1 - JITTER + 2 * JITTER * random())).unref();
  }

  #take({ addresses, fault, forbidden = 0 }: Resolution): void {
    const { labels, metrics, now } = this.parts;
    metrics?.count('loom_upstream_resolutions_total', {
      ...labels,
      outcome: fault === undefined ? 'resolved' : 'failed',
    });
    const all = [...new Set(addresses)].sort();
    const found = all.slice(0, MOST_ADDRESSES);
    this.#tell(fault);
    if (fault === undefined) this.#resolvedAt = now();
    if (found.length === 0 || found.join() === this.#addresses.join()) return;
    this.#tellChange(found, { forbidden, omitted: all.length - found.length });
    this.#addresses = found;
    this.parts.changed(found);
  }

  /** Once for each failure, and once for its end. */
  #tell(fault: string | undefined): void {
    const { log, labels } = this.parts;
    if (fault !== undefined && this.#fault !== fault)
      log.warn(
        { ...labels, cause: fault, addresses: this.#addresses.length },
        'a name was not resolved: its addresses stay',
      );
    if (fault === undefined && this.#fault !== undefined) log.info(labels, 'a name is resolved again');
    this.#fault = fault;
    this.#faults = fault === undefined ? 0 : this.#faults + 1;
  }

  #tellChange(found: readonly string[], left: { readonly forbidden: number; readonly omitted: number }): void {
    const { log, labels } = this.parts;
    const known = this.#addresses;
    const facts = {
      added: found.filter((address) => !known.includes(address)),
      removed: known.filter((address) => !found.includes(address)),
      ...(left.omitted > 0 && { omitted: left.omitted }),
      ...(left.forbidden > 0 && { forbidden: left.forbidden }),
    };
    log.info({ ...labels, ...facts }, 'the addresses of a name have changed');
  }
}
