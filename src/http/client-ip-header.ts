/** Finds the client address in the header of a CDN (`client_ip_header`). */
import type { AddressMatcher } from '../lib/address.js';
import { plainAddress } from '../lib/address.js';
import { unknownClient } from './client-address.js';
import { entryAddress, findClient, isBlankEntry, type ForwardedClient } from './forwarded-for.js';

/** Why the header of a CDN has no client address. */
export type HeaderFault = 'missing' | 'twice' | 'empty' | 'no address' | 'a proxy';

export interface CdnClient {
  readonly found: ForwardedClient;
  /** Set if the request came through the CDN, so that only its header decides. */
  readonly cdn?: {
    /** Undefined if the header has the client address. */
    readonly fault?: HeaderFault;
    /** The addresses from the CDN to the peer, without the peer. */
    readonly route: readonly string[];
  };
}

export interface CdnRules {
  /** Whether an address is one of `trusted_proxies`. */
  readonly isTrusted: AddressMatcher;
  /** Whether an address is in `client_ip_header.from`. */
  readonly isCdn: AddressMatcher;
  /** Each line of the header of the CDN. */
  readonly lines: readonly string[];
}

/**
 * Returns the client address. The header of the CDN decides if the peer is the CDN, or if the search in
 * `X-Forwarded-For` ends at the CDN. An address of the CDN ends the search, also if `trusted_proxies` has it. In all
 * other cases anyone may have sent the header, and it is ignored.
 *
 * @param forwardedFor Each line of `X-Forwarded-For`, in order.
 */
export function findCdnClient(peer: string, forwardedFor: readonly string[], rules: CdnRules): CdnClient {
  const { isTrusted, isCdn } = rules;
  const from = plainAddress(peer) ?? peer;
  if (isCdn(from)) return readHeader(from, [], rules);
  const found = findClient(from, forwardedFor, (address) => isTrusted(address) && !isCdn(address));
  if (found.unknown !== undefined || !isCdn(found.address)) return { found };
  return readHeader(from, routeFromCdn(forwardedFor, isCdn), rules);
}

function readHeader(peer: string, route: readonly string[], rules: CdnRules): CdnClient {
  const address = addressIn(rules);
  if (typeof address === 'object') {
    return { found: { address: unknownClient(peer) }, cdn: { fault: address.fault, route } };
  }
  return { found: { address }, cdn: { route } };
}

/** The result is never an address of the CDN or of a trusted proxy. Their address is not the client address. */
function addressIn({ lines, isTrusted, isCdn }: CdnRules): string | { readonly fault: HeaderFault } {
  const [line, ...more] = lines;
  if (line === undefined) return { fault: 'missing' };
  if (more.length > 0) return { fault: 'twice' };
  const address = entryAddress(line);
  if (address === undefined) return { fault: isBlankEntry(line) ? 'empty' : 'no address' };
  return isCdn(address) || isTrusted(address) ? { fault: 'a proxy' } : address;
}

/** Everything to the left of the CDN may be text of the client. */
function routeFromCdn(forwardedFor: readonly string[], isCdn: AddressMatcher): readonly string[] {
  const addresses = forwardedFor.join(',').split(',').map(entryAddress);
  const first = addresses.findLastIndex((address) => address !== undefined && isCdn(address));
  return addresses.slice(first).filter((address) => address !== undefined);
}
