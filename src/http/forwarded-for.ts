/** Finds the client address in `X-Forwarded-For`, as far as trusted proxies wrote it. */
import { plainAddress, type AddressMatcher } from '../lib/address.js';
import { unknownClient } from './client-address.js';

/** Why the client is unknown: what is wrong with the entry at which the search ended. */
export type UnknownReason = 'no address' | 'empty' | 'all trusted';

export interface ForwardedClient {
  /** An address, or the name of an unknown client. */
  readonly address: string;
  readonly unknown?: UnknownReason;
}

/**
 * Returns the rightmost entry of `X-Forwarded-For` that is not a trusted proxy. The header of an untrusted peer is
 * ignored. A trusted peer without the header is itself the client. Otherwise the result is never a trusted address: an
 * entry that is not an address, and a list of trusted addresses only, make the client unknown.
 *
 * @param forwardedFor Each line of the header, in order.
 * @param isTrusted Undefined where no proxy is trusted.
 */
export function findClient(
  peer: string,
  forwardedFor: readonly string[],
  isTrusted: AddressMatcher | undefined,
): ForwardedClient {
  const from = plainAddress(peer) ?? peer;
  if (!isTrusted || forwardedFor.length === 0 || !isTrusted(from)) return { address: from };
  for (const entry of forwardedFor.join(',').split(',').reverse()) {
    const address = entryAddress(entry);
    if (address === undefined) return { address: unknownClient(from), unknown: reasonOf(entry) };
    if (!isTrusted(address)) return { address };
  }
  return { address: unknownClient(from), unknown: 'all trusted' };
}

const reasonOf = (entry: string): UnknownReason => (/^[ \t]*$/.test(entry) ? 'empty' : 'no address');

/** Azure Application Gateway writes `198.51.100.8:4444`. An IPv6 address with a port is in brackets. */
const WITH_PORT = /^[ \t]*(\d+\.\d+\.\d+\.\d+|\[[^[\]]*\]):(\d{1,5})[ \t]*$/;
const HIGHEST_PORT = 65_535;

function entryAddress(entry: string): string | undefined {
  const [, address, port] = WITH_PORT.exec(entry) ?? [];
  if (address === undefined) return plainAddress(entry);
  return Number(port) <= HIGHEST_PORT ? plainAddress(address) : undefined;
}
