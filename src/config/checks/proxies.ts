/** Trusted peers that together cover every address, however they are written. */
import { ipv6Groups, parseBlock } from '../../lib/address.js';
import type { Blocks } from '../blocks.js';
import type { Context } from '../context.js';
import type { Path } from '../report.js';

/** Inclusive; IPv4 lies where IPv6 maps it, at `::ffff:0:0/96`. */
type Range = readonly [first: bigint, last: bigint];

const MAPPED = 0xffffn << 32n;
/** All of IPv4, and all addresses that IPv6 assigns (`2000::/3`). */
const EVERY_ADDRESS: readonly Range[] = [
  [MAPPED, MAPPED + 0xffff_ffffn],
  [1n << 125n, (1n << 126n) - 1n],
];

/** A trusted proxy decides the client address, so only proxies may be trusted. */
export function checkProxies(trusted: readonly string[], path: Path, { report }: Context): void {
  const ranges = trusted.flatMap(rangeOf).sort(([a], [b]) => (a < b ? -1 : 1));
  if (!EVERY_ADDRESS.some((all) => isCovered(all, ranges))) return;
  report.error({ path, code: 'wrong_value', message: 'must not trust every address' });
}

/** A balancer decides the client address, too. */
export function checkBalancers(listeners: Blocks['listeners'], context: Context): void {
  for (const { value, path } of listeners)
    if (value.proxy_protocol) checkProxies(value.proxy_protocol.from, [...path, 'proxy_protocol', 'from'], context);
}

function rangeOf(text: string): readonly Range[] {
  const block = parseBlock(text);
  if (!block) return [];
  const { address, family } = block;
  const prefix = family === 'ipv4' ? block.prefix + 96 : block.prefix;
  const size = 1n << BigInt(128 - prefix);
  const first = (numberOf(family === 'ipv4' ? `::ffff:${address}` : address) / size) * size;
  return [[first, first + size - 1n]];
}

function numberOf(ipv6: string): bigint {
  return ipv6Groups(ipv6).reduce((sum, group) => (sum << 16n) + BigInt(group), 0n);
}

function isCovered([first, last]: Range, sorted: readonly Range[]): boolean {
  let next = first;
  for (const [from, to] of sorted) if (from <= next && to >= next) next = to + 1n;
  return next > last;
}
