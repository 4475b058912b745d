/** Addresses and CIDR blocks: reading them strictly, and asking whether an address lies in one of several. */
import { BlockList, isIP } from 'node:net';

export interface AddressBlock {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** `10.0.0.0/8`, `2001:db8::/32` or one address; undefined for anything else. */
export function parseBlock(text: string): AddressBlock | undefined {
  const [address = '', written, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes('%')) return undefined;
  const longest = version === 4 ? 32 : 128;
  if (written !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(written)) return undefined;
  const prefix = written === undefined ? longest : Number(written);
  return prefix > longest ? undefined : { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** Whether an address is in any of the blocks; what is no address is in none. */
export function addressMatcher(blocks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const text of blocks) {
    const block = parseBlock(text);
    if (!block) throw new TypeError(`not an address block: ${JSON.stringify(text)}`);
    list.addSubnet(block.address, block.prefix, block.family);
  }
  return (address) => {
    const plain = withoutMapping(address);
    const version = isIP(plain);
    return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  };
}

/** A dual-stack listener reports IPv4 clients as `::ffff:a.b.c.d`, link-local ones with a zone. */
function withoutMapping(address: string): string {
  const [bare = ''] = address.split('%');
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare;
}
