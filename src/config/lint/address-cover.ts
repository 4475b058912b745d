/** Whether CIDR blocks cover every address of a family together: `0.0.0.0/1` and `128.0.0.0/1` are all of IPv4. */
import { parseBlock, type AddressBlock } from '../../lib/address.js';

type Family = AddressBlock['family'];

const BITS = { ipv4: 32, ipv6: 128 } as const;

export function coversAll(texts: readonly string[], family: Family): boolean {
  const blocks = texts.flatMap((text) => parseBlock(text) ?? []).filter((each) => each.family === family);
  const ranges = blocks.map((block) => rangeOf(block)).sort((a, b) => (a.first < b.first ? -1 : 1));
  let next = 0n;
  for (const { first, last } of ranges) {
    if (first > next) return false;
    if (last >= next) next = last + 1n;
  }
  return next === 1n << BigInt(BITS[family]);
}

function rangeOf({ address, prefix, family }: AddressBlock): { readonly first: bigint; readonly last: bigint } {
  const free = BigInt(BITS[family] - prefix);
  const first = (numberOf(address, family) >> free) << free;
  return { first, last: first + (1n << free) - 1n };
}

function numberOf(address: string, family: Family): bigint {
  if (family === 'ipv4') return address.split('.').reduce((sum, part) => (sum << 8n) + BigInt(part), 0n);
  const plain = withoutDots(address);
  const [head = '', tail = ''] = plain.split('::');
  const groups = (text: string): readonly string[] => (text === '' ? [] : text.split(':'));
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = plain.includes('::')
    ? [...groups(head), ...Array.from({ length: missing }, () => '0'), ...groups(tail)]
    : groups(plain);
  return all.reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n);
}

/** The address with an embedded IPv4 address, if it has one, as two groups. */
function withoutDots(address: string): string {
  if (!address.includes('.')) return address;
  const start = address.lastIndexOf(':') + 1;
  const number = numberOf(address.slice(start), 'ipv4');
  return `${address.slice(0, start)}${(number >> 16n).toString(16)}:${(number & 0xffffn).toString(16)}`;
}
