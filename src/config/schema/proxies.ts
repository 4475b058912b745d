/** The proxies and the CDN in front: whose words about the client are used. */
import { z } from 'zod';
import { addressMatcher, parseBlock } from '../../lib/address.js';
import { headerName } from '../../lib/fields.js';
import { listOf } from './fields.js';

const CIDR = 'must be an IP address or a CIDR block, such as "10.0.0.0/8"';

export const trustedProxy = () =>
  z
    .string({ error: CIDR })
    .refine((text) => parseBlock(text) !== undefined, { error: CIDR })
    .refine((text) => !trustsEverybody(text), { error: 'must not trust every address' });

/** `::ffff:0:0/96` holds every IPv4 address, as `0.0.0.0/0` does. */
function trustsEverybody(text: string): boolean {
  const block = parseBlock(text);
  if (!block) return false;
  const holds = addressMatcher([text]);
  return block.prefix === 0 || (holds('0.0.0.0') && holds('255.255.255.255'));
}

export const clientIpHeader = () =>
  z.strictObject({
    name: headerName().describe('The name of the header, such as `CF-Connecting-IP`.'),
    from: listOf(trustedProxy()).describe(
      'Addresses and CIDR blocks of the CDN. From elsewhere the header is removed.',
    ),
  });
