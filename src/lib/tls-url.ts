/** Which URLs secrets and trust may travel to: https, or plain http to this machine, or what the file allows. */
import { BlockList, isIP } from 'node:net';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether the host of a URL is this machine, judged by its spelling alone: a name in DNS may lie. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname);
}

/** Loopback, the unspecified address (which the system takes for this machine) and link-local ones, IPv4 in IPv6 included. */
const NEAR = new BlockList();
for (const [address, prefix] of [
  ['127.0.0.0', 8],
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
] as const) {
  NEAR.addSubnet(address, prefix, 'ipv4');
  NEAR.addSubnet(`::ffff:${address}`, 96 + prefix, 'ipv6');
  NEAR.addSubnet(`::${address}`, 96 + prefix, 'ipv6');
}
NEAR.addSubnet('::', 127, 'ipv6');
NEAR.addSubnet('fe80::', 10, 'ipv6');

/**
 * Whether the host of a URL is this machine or its own link in any spelling. Wider than `isLoopback`: that one says where
 * plain http may go, this one where nobody else may send us.
 */
export function isNear(url: URL): boolean {
  const host = withoutLastDots(url.hostname.replace(/^\[|\]$/g, ''));
  const version = isIP(host);
  if (version === 0) return /^(?:(?:.+\.)?localhost|localhost\.localdomain)$/.test(host);
  return NEAR.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/** By hand: `/\.+$/` takes time in the square of the dots, and the issuer chooses the name. */
function withoutLastDots(host: string): string {
  let end = host.length;
  while (host[end - 1] === '.') end--;
  return host.slice(0, end);
}

/**
 * Why a URL may not be asked, in words for a diagnostic, or undefined if it may.
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
