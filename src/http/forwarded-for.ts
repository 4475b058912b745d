/** Finds the client address in the entries of `X-Forwarded-For` that trusted proxies wrote. */
import { plainAddress, type AddressMatcher } from '../lib/address.js';
import { clientOfPeer, unknownClient } from './client-address.js';

/** The reason why the client is unknown: the fault of the entry at which the search ended. */
export type UnknownReason = 'no address' | 'empty' | 'all trusted';

export interface ForwardedClient {
  /** An address, or the name of an unknown client. */
  readonly address: string;
  readonly unknown?: UnknownReason;
}

/**
 * Returns the client of a request. The header of an untrusted peer is ignored: the peer is the client. So is a trusted
 * peer without the header. A peer without an address is an unknown client.
 *
 * Otherwise the client is the rightmost entry of `X-Forwarded-For` that is not a trusted proxy, and never a trusted
 * address. The client is unknown if an entry before it is not an address, or if all entries are trusted.
 *
 * @param peer As `peerAddressOf` returns it.
 * @param forwardedFor Each line of the header, in order.
 * @param isTrusted Undefined if no proxy is trusted.
 */
export function findClient(
  peer: string,
  forwardedFor: readonly string[],
  isTrusted: AddressMatcher | undefined,
): ForwardedClient {
  const plain = plainAddress(peer);
  const from = plain ?? peer;
  if (!isTrusted || forwardedFor.length === 0 || !isTrusted(from)) return { address: plain ?? clientOfPeer(peer) };
  for (const entry of forwardedFor.join(',').split(',').reverse()) {
    const address = entryAddress(entry);
    if (address === undefined) return { address: unknownClient(from), unknown: reasonOf(entry) };
    if (!isTrusted(address)) return { address };
  }
  return { address: unknownClient(from), unknown: 'all trusted' };
}

const reasonOf = (entry: string): UnknownReason => (isBlankEntry(entry) ? 'empty' : 'no address');

export const isBlankEntry = (entry: string): boolean => /^[ \t]*$/.test(entry);

/** Azure Application Gateway writes `198.51.100.8:4444`. An IPv6 address with a port is in brackets. */
const WITH_PORT = /^[ \t]*(\d+\.\d+\.\d+\.\d+|\[[^[\]]*\]):(\d{1,5})[ \t]*$/;
const HIGHEST_PORT = 65_535;

/** Returns the address of one entry, which may have a port; undefined for text that is not an address. */
export function entryAddress(entry: string): string | undefined {
  const [, address, port] = WITH_PORT.exec(entry) ?? [];
  if (address === undefined) return plainAddress(entry);
  return Number(port) <= HIGHEST_PORT ? plainAddress(address) : undefined;
}
