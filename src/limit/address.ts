/** Who sent a request, as far as trusted proxies vouch for it, and one spelling for each client. */
import { BlockList, isIP, SocketAddress } from 'node:net';
import { parseBlock } from '../lib/address-block.js';
import { unknownClient } from '../http/client-address.js';

/** The groups of the /64 of an IPv6 address: a subscriber has at least that many addresses to himself. */
const NETWORK_GROUPS = 4;

/** The address as a client is counted: IPv4 as it is, IPv4-mapped as IPv4, IPv6 as its /64; undefined for no address. */
export function canonicalAddress(text: string): string | undefined {
  const address = plainAddress(text);
  if (address === undefined || isIP(address) === 4) return address;
  return `${groupsOf(address).slice(0, NETWORK_GROUPS).map(hex).join(':')}::/64`;
}

/** Without zone, brackets or IPv4 mapping; undefined for what is no address. */
function plainAddress(text: string): string | undefined {
  // Most peers: nothing of it to take off.
  if (isIP(text) === 4) return text;
  const written = withoutBlanks(text);
  const bare = written.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/s, '');
  if (isIP(bare) === 0) return undefined;
  // Zones and brackets are for IPv6: `1.2.3.4%x` is no spelling of an address.
  if (isIP(bare) === 4) return bare === written ? bare : undefined;
  const groups = groupsOf(bare);
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  return mapped ? ipv4Of(groups) : bare;
}

/** By hand: `/[ \t]+$/` takes time in the square of the blanks, and a client chooses the field. */
function withoutBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (isBlank(text[start])) start++;
  while (end > start && isBlank(text[end - 1])) end--;
  return text.slice(start, end);
}

const isBlank = (character: string | undefined): boolean => character === ' ' || character === '\t';

function ipv4Of(groups: readonly number[]): string {
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}

/** The eight groups; the URL parser writes embedded IPv4 in hexadecimal and everything in one form. */
function groupsOf(address: string): readonly number[] {
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const read = (part: string) => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const first = read(head);
  const last = read(tail ?? '');
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}

const hex = (group: number): string => group.toString(16);

/** The blocks of `trusted_proxies`; throws a TypeError for what is no block. */
export function parseCidrs(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of blocks) {
    const block = parseBlock(text);
    if (!block) throw new TypeError(`not an address block: ${JSON.stringify(text)}`);
    list.addSubnet(new SocketAddress({ address: block.address, family: block.family }), block.prefix);
  }
  return list;
}

/** Why a client is unknown: the entry at which the walk ended. */
export type Unknown = 'no address' | 'empty' | 'all trusted';

export interface Client {
  /** An address, or the name of an unknown client. */
  readonly address: string;
  readonly unknown?: Unknown;
}

/**
 * The rightmost X-Forwarded-For entry that is no trusted proxy. The header of a peer that is not trusted says nothing.
 * A trusted peer without the header asks for itself. In any other case the address is never a trusted one: an entry
 * that is no address, and a list of trusted addresses alone, make the client unknown.
 *
 * @param forwardedFor Each line of the header, in order.
 */
export function findClient(peer: string, forwardedFor: readonly string[], trusted: BlockList | undefined): Client {
  const from = plainAddress(peer) ?? peer;
  if (!trusted || forwardedFor.length === 0 || !isTrusted(from, trusted)) return { address: from };
  for (const entry of forwardedFor.join(',').split(',').reverse()) {
    const address = entryAddress(entry);
    if (address === undefined) return { address: unknownClient(from), unknown: faultOf(entry) };
    if (!isTrusted(address, trusted)) return { address };
  }
  return { address: unknownClient(from), unknown: 'all trusted' };
}

/** The address that `findClient` finds. */
export function clientAddress(peer: string, forwardedFor: readonly string[], trusted: BlockList | undefined): string {
  return findClient(peer, forwardedFor, trusted).address;
}

const faultOf = (entry: string): Unknown => (/^[ \t]*$/.test(entry) ? 'empty' : 'no address');

/** Azure Application Gateway writes `198.51.100.8:4444`; an IPv6 address with a port stands in brackets. */
const WITH_PORT = /^[ \t]*(\d+\.\d+\.\d+\.\d+|\[[^[\]]*\]):(\d{1,5})[ \t]*$/;
const HIGHEST_PORT = 65_535;

function entryAddress(entry: string): string | undefined {
  const [, address, port] = WITH_PORT.exec(entry) ?? [];
  if (address === undefined) return plainAddress(entry);
  return Number(port) <= HIGHEST_PORT ? plainAddress(address) : undefined;
}

/** Whether a trusted block holds the address, in any spelling of it. */
export function isTrusted(address: string, trusted: BlockList): boolean {
  const plain = plainAddress(address) ?? '';
  const version = isIP(plain);
  return version !== 0 && trusted.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}
