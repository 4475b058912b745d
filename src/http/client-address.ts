/** The client address of a request as the gateway judged it, for methods that look at it (`allowed_ips`). */
import type { IncomingMessage } from 'node:http';
import { findRequestState, requestStateOf } from './request-state.js';

/** Remembers the address that `trusted_proxies` led to. */
export function setClientAddress(request: IncomingMessage, address: string): void {
  requestStateOf(request).clientAddress = address;
}

/** The judged address, or the peer's where no gateway stands before the method. */
export function clientAddressOf(request: IncomingMessage): string {
  return findRequestState(request)?.clientAddress ?? request.socket.remoteAddress ?? '';
}

const UNKNOWN = 'unknown via ';

/**
 * The name of a client whose trusted proxy does not tell its address. It is no address, so that it lies in no block of
 * addresses, and it counts in a bucket of its own for each proxy.
 *
 * @example unknownClient('10.0.0.1') // 'unknown via 10.0.0.1'
 */
export function unknownClient(peer: string): string {
  return `${UNKNOWN}${peer}`;
}

/** Whether a judged address is the name of an unknown client. */
export function isUnknownClient(address: string): boolean {
  return address.startsWith(UNKNOWN);
}
