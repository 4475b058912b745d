/** The client address of a request as the gateway judged it, for methods that look at it (`allowed_ips`). */
import type { IncomingMessage } from 'node:http';
import { Note } from './note.js';

const addresses = new Note<string>('client address');

/** Remembers the address that `trusted_proxies` led to. */
export function setClientAddress(request: IncomingMessage, address: string): void {
  addresses.set(request, address);
}

/** The judged address, or the peer's where no gateway stands before the method. */
export function clientAddressOf(request: IncomingMessage): string {
  return addresses.of(request) ?? request.socket.remoteAddress ?? '';
}
