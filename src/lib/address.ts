/** Parses IP addresses and CIDR blocks, and returns the canonical forms of an address and of a host. */
import { BlockList, isIP, SocketAddress } from 'node:net';
import { trimmed } from './trim.js';

export interface AddressBlock {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** Returns the host of a URL. An IPv6 address has no brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 4 ? 'ipv4' : 'ipv6');

/** `10.0.0.0/8`, `2001:db8::/32` or one address; undefined for anything else. */
export function parseBlock(text: string): AddressBlock | undefined {
  const [address = '', prefixText, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes('%')) return undefined;
  const longest = version === 4 ? 32 : 128;
  if (prefixText !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(prefixText)) return undefined;
  const prefix = prefixText === undefined ? longest : Number(prefixText);
  return prefix > longest ? undefined : { address, prefix, family: familyOf(address) };
}

export type AddressMatcher = (address: string) => boolean;

/**
 * Returns a function that reports whether an address is in one of the blocks. The function accepts every spelling of
 * `plainAddress` and returns false for other text.
 *
 * @throws TypeError for text that is not an address block.
 */
export function addressMatcher(blocks: readonly string[]): AddressMatcher {
  const list = new BlockList();
  for (const text of blocks) {
    const block = parseBlock(text);
    if (!block) throw new TypeError(`not an address block: ${JSON.stringify(text)}`);
    list.addSubnet(block.address, block.prefix, block.family);
  }
  return (address) => {
    const plain = plainAddress(address);
    return plain !== undefined && list.check(plain, familyOf(plain));
  };
}

/** A peer on a Unix socket, in a list of trusted peers. It has no address. */
export const UNIX_PEER = 'unix';

/**
 * Returns a function that reports whether a peer is in the list: by its address, or because it is on a Unix socket.
 *
 * @throws TypeError for text that is neither an address block nor `unix`.
 */
export function peerMatcher(peers: readonly string[]): AddressMatcher {
  const isIn = addressMatcher(peers.filter((peer) => peer !== UNIX_PEER));
  return peers.includes(UNIX_PEER) ? (peer) => peer === UNIX_PEER || isIn(peer) : isIn;
}

/**
 * The address without blanks, brackets and zone, and IPv4-mapped IPv6 as IPv4; undefined for text that is not an address.
 *
 * @example plainAddress('[::ffff:192.0.2.1]') // '192.0.2.1'
 */
export function plainAddress(text: string): string | undefined {
  // Most connections already have a plain address.
  if (isIP(text) === 4) return text;
  const plain = trimmed(text, ' \t');
  const bare = plain.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/s, '');
  if (isIP(bare) === 0) return undefined;
  // Zones and brackets belong to IPv6: `1.2.3.4%x` is not an address.
  if (isIP(bare) === 4) return bare === plain ? bare : undefined;
  // Parsing costs more than all of the above, and most addresses are not mapped.
  if (!/ffff/i.test(bare)) return bare;
  const groups = ipv6Groups(bare);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  return isMapped ? ipv4Of(groups) : bare;
}

function ipv4Of(groups: readonly number[]): string {
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}

/**
 * The eight 16-bit groups of an IPv6 address.
 *
 * @param address A valid IPv6 address without brackets and zone.
 */
export function ipv6Groups(address: string): readonly number[] {
  // The URL parser writes an embedded IPv4 address in hexadecimal and leaves at most one `::`.
  const [head = '', tail = ''] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const read = (part: string) => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const first = read(head);
  const last = read(tail);
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}

/** One subscriber has at least the 2^64 addresses of a /64. */
const SUBSCRIBER_GROUPS = 4;

/**
 * The network that counts as one client: an IPv4 address, or the /64 network of an IPv6 address; undefined for text that
 * is not an address.
 *
 * @example clientNetwork('2001:db8:1:2::9') // '2001:db8:1:2::/64'
 */
export function clientNetwork(text: string): string | undefined {
  const address = plainAddress(text);
  if (address === undefined || isIP(address) === 4) return address;
  const groups = ipv6Groups(address).slice(0, SUBSCRIBER_GROUPS);
  return `${groups.map((group) => group.toString(16)).join(':')}::/64`;
}

/** The canonical text of an address, such as `::1` for `0:0::1`; undefined for text that is not an address. */
export function canonicalAddress(address: string): string | undefined {
  if (isIP(address) === 0 || address.includes('%')) return undefined;
  return new SocketAddress({ address, family: familyOf(address) }).address;
}
