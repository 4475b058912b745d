/** The proxies and the CDN in front: whose words about the client are used. */
import { z } from 'zod';
import { addressMatcher, parseBlock, UNIX_PEER } from '../../lib/address.js';
import { headerName } from '../../lib/fields.js';
import { listOf } from './fields.js';

const CIDR = 'must be an IP address or a CIDR block, such as "10.0.0.0/8", or "unix" for peers on Unix sockets';

export const trustedProxy = () =>
  z
    .string({ error: CIDR })
    .refine((text) => text === UNIX_PEER || parseBlock(text) !== undefined, { error: CIDR })
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
      'Addresses and CIDR blocks of the CDN, or `unix` for its agent on a Unix socket. From elsewhere the header is removed.',
    ),
  });
