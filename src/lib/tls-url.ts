/** Decides which URLs are safe for secrets and keys: https, http to this machine, or what the file allows. */
import { isIP } from 'node:net';
import { addressMatcher, hostOf } from './address.js';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether the host of a URL is this machine, by its spelling only. A DNS name may resolve to another address. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname);
}

/**
 * Loopback, link-local and unspecified addresses. The system uses the unspecified address for this machine. `::a.b.c.d`
 * is the older form of an IPv4 address in IPv6.
 */
export const isNearAddress = addressMatcher([
  ...['127.0.0.0/8', '0.0.0.0/8', '169.254.0.0/16'],
  ...['::127.0.0.0/104', '::0.0.0.0/104', '::169.254.0.0/112', '::/127', 'fe80::/10'],
]);

/** Private, shared and unique local addresses (RFC 1918, RFC 6598, RFC 4193), and the same in IPv6 forms of IPv4. */
const isLocalAddress = addressMatcher([
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7', 'fec0::/10'],
  ...['::10.0.0.0/104', '::172.16.0.0/108', '::192.168.0.0/112', '::100.64.0.0/106'],
  ...['64:ff9b::10.0.0.0/104', '64:ff9b::172.16.0.0/108', '64:ff9b::192.168.0.0/112', '64:ff9b::100.64.0.0/106'],
  ...['64:ff9b::127.0.0.0/104', '64:ff9b::169.254.0.0/112', '64:ff9b:1::/48'],
]);

/** Whether an address is not of the public internet: of this machine, its link or a private network. */
export function isPrivateAddress(address: string): boolean {
  return isNearAddress(address) || isLocalAddress(address);
}

/**
 * Whether the host of a URL is this machine or its own link, in any spelling. `isLoopback` is narrower and decides
 * where plain http may go. `isNear` decides which targets another party may not choose for Loom.
 */
export function isNear(url: URL): boolean {
  const host = withoutLastDots(hostOf(url));
  if (isIP(host) === 0) return /^(?:(?:.+\.)?localhost|localhost\.localdomain)$/.test(host);
  return isNearAddress(host);
}

/** A loop, because `/\.+$/` needs quadratic time for many dots, and the issuer chooses the name. */
function withoutLastDots(host: string): string {
  let end = host.length;
  while (host[end - 1] === '.') end--;
  return host.slice(0, end);
}

/**
 * Returns the reason why Loom may not send a request to a URL, as text for a diagnostic. Returns undefined if it may.
 *
 * @example urlProblem('http://id.example/keys', false) // 'must be https …'
 */
export function urlProblem(text: string, allowInsecureHttp: boolean): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return 'must be an absolute https URL';
  if (url.username !== '' || url.password !== '') return 'must not contain a user or password';
  if (text.includes('#')) return 'must not contain a fragment';
  if (url.protocol === 'https:' || allowInsecureHttp || isLoopback(url)) return undefined;
  return 'must be https, or http on a loopback address, or stand beside "allow_insecure_http: true"';
}
