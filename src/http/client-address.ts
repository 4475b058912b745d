/** The client address of a request as the gateway determined it, for auth methods that check it (`allowed_ips`). */
import type { IncomingMessage } from 'node:http';
import { plainAddress } from '../lib/address.js';
import { peerAddressOf } from '../lib/connection.js';
import { findRequestState } from './request-state.js';

/** Returns the client address, or the peer as the client if no gateway ran before the auth method. */
export function clientAddressOf(request: IncomingMessage): string {
  return findRequestState(request)?.clientAddress ?? clientOfPeer(peerAddressOf(request));
}

const UNKNOWN = 'unknown via ';

/**
 * Returns the name of a client whose trusted proxy does not report the client address. The name is not an address, so
 * it is in no address block. Each proxy has its own rate limit bucket for unknown clients.
 *
 * @example unknownClient('10.0.0.1') // 'unknown via 10.0.0.1'
 */
export function unknownClient(peer: string): string {
  return `${UNKNOWN}${peer}`;
}

/** Whether a client address is the name of an unknown client. */
export function isUnknownClient(address: string): boolean {
  return address.startsWith(UNKNOWN);
}

/** Returns the client of a peer that is itself the client: its address, or the name of an unknown client. */
export function clientOfPeer(peer: string): string {
  return plainAddress(peer) ?? (isUnknownClient(peer) ? peer : unknownClient(peer === '' ? 'no connection' : peer));
}
