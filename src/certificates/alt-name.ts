/** Subject alternative names in one spelling: `DNS:` in lower case, `IP:` canonical, `URI:` and `email:` as they are. */
import { canonicalAddress } from '../lib/address.js';

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
