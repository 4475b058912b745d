/** Remembers credentials that a plugin accepted, so that a throttle does not lock out their owners. */
import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import { clientAddressOf } from '../http/client-address.js';
import { ProcessDigest } from '../lib/digest.js';
import type { Now } from '../lib/types.js';
import { clientNetwork } from '../lib/address.js';
import { headerValues } from './credentials.js';

const REMEMBERED = 10_000;
const TTL_MS = 300_000;
/** The headers from which a plugin without configured headers may read credentials. */
const USUAL = ['authorization', 'cookie', 'x-api-key'];

export class KnownCredentials {
  readonly #headers: readonly string[];
  readonly #known = new LRUCache<string, number>({ max: REMEMBERED });
  readonly #digest = new ProcessDigest();

  constructor(
    headers: readonly string[] | undefined,
    private readonly now: Now,
  ) {
    this.#headers = headers?.map((name) => name.toLowerCase()) ?? USUAL;
  }

  /**
   * The label includes the address: from another address the credential is a guess. Undefined for a request without a
   * credential.
   */
  labelOf(request: IncomingMessage): string | undefined {
    const values = this.#headers.map((name) => headerValues(request, name));
    if (values.every((each) => each.length === 0)) return undefined;
    const address = clientAddressOf(request);
    return this.#digest.of([clientNetwork(address) ?? address, ...values.map((each) => JSON.stringify(each))]);
  }

  has(label: string | undefined): boolean {
    const until = label === undefined ? undefined : this.#known.get(label);
    return until !== undefined && this.now() < until;
  }

  /** Remembers an accepted credential for a limited time. Forgets a refused credential. */
  settle(label: string | undefined, granted: boolean): void {
    if (label === undefined) return;
    if (granted) this.#known.set(label, this.now() + TTL_MS);
    else this.#known.delete(label);
  }

  clear(): void {
    this.#known.clear();
  }
}
