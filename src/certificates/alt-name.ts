/** Subject alternative names in one spelling: `DNS:` in lower case, `IP:` canonical, `URI:` and `email:` as they are. */
import { isIP, SocketAddress } from 'node:net';

/** The one text of an IP address: `::1`, never `0:0::1`. */
export function canonicalAddress(address: string): string | undefined {
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return undefined;
  return new SocketAddress({ address, family: version === 4 ? 'ipv4' : 'ipv6' }).address;
}

/** The one spelling of a name as a file writes it; undefined for what is none of the four kinds. */
export function canonicalAltName(text: string): string | undefined {
  const [, kind, value = ''] = /^(DNS|URI|email|IP):([\x21-\x7e]+)$/.exec(text) ?? [];
  switch (kind) {
    case 'DNS':
      return `DNS:${value.toLowerCase()}`;
    case 'IP': {
      const address = canonicalAddress(value);
      return address === undefined ? undefined : `IP:${address}`;
    }
    case 'URI':
    case 'email':
      return `${kind}:${value}`;
    case undefined:
    default:
      return undefined;
  }
}
