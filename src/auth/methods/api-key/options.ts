/** The `api_key` block: the places of keys, and the list of keys. */
import { z } from 'zod';
import { parseBlock } from '../../../lib/address.js';
import { headerName, oneOrMore, plainText } from '../../../lib/fields.js';
import { mayCarryCredential } from '../../../http/header-policy.js';
import { rateField } from '../../rate.js';
import { anyScope, claimPath, scopes } from '../claim-fields.js';
import { storeOptions } from './store-options.js';

const DATE = /^(\d{4}-\d{2}-\d{2})(?:[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2}))?$/;

/** Visible ASCII without a comma. All header parsers read such a text in the same way. */
const keyText = () =>
  z
    .string({ error: 'must be a string; quote it' })
    .min(1, 'must not be empty')
    .max(512, 'must be at most 512 characters')
    .regex(/^[\x21-\x2b\x2d-\x7e]*$/, 'must be visible ASCII without spaces and commas');

/**
 * Milliseconds since the epoch of an RFC 3339 date (its first instant in UTC) or date-time; undefined for other text.
 */
export function parseExpiry(text: string): number | undefined {
  const day = DATE.exec(text)?.[1];
  if (day === undefined) return undefined;
  const midnight = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return undefined;
  const at = text === day ? midnight : Date.parse(text.toUpperCase());
  return Number.isNaN(at) ? undefined : at;
}

const EXPIRY = 'must be an RFC 3339 date or date-time, such as "2027-01-31" or "2027-01-31T18:00:00Z"';

const expiry = () =>
  z
    .string({ error: EXPIRY })
    .refine((text) => parseExpiry(text) !== undefined, { error: EXPIRY })
    .transform((text) => parseExpiry(text) as number);

const block = () =>
  z.string().refine((text) => parseBlock(text) !== undefined, {
    error: 'must be an IP address or a CIDR block, such as "10.0.0.0/8"',
  });

const key = z
  .strictObject({
    key: keyText().optional().describe('The key itself; better `key_hash`, or a `${ENV}` reference.'),
    key_hash: z
      .string()
      .regex(/^sha256:[0-9a-fA-F]{64}$/, 'must be "sha256:" and 64 hex digits')
      .transform((text) => text.toLowerCase())
      .optional()
      .describe('SHA-256 of the key: `sha256:<hex>`.'),
    name: plainText().max(256, 'must be at most 256 characters').optional().describe('The subject of the identity.'),
    rate_limit: rateField()
      .optional()
      .describe('The limit of this key alone: 1000 (per second), "1000/m" or {rate, burst}.'),
    expires: expiry().optional().describe('The key ends at this RFC 3339 date (00:00 UTC) or date-time.'),
    allowed_ips: z
      .array(block())
      .min(1, 'must not be an empty list')
      .optional()
      .describe('Client addresses or CIDR blocks that may use the key; others get 403.'),
  })
  .refine((each) => (each.key === undefined) !== (each.key_hash === undefined), {
    error: 'must have exactly one of "key" and "key_hash"',
  });

const credentialHeader = () =>
  headerName().refine((name) => mayCarryCredential(name), {
    error: 'must not be a header with another meaning for the message',
  });

export const apiKeyOptions = z.strictObject({
  realm: plainText().default('loom').describe('The realm of the challenge.'),
  header: oneOrMore(credentialHeader())
    .refine((names) => new Set(names.map((name) => name.toLowerCase())).size === names.length, {
      error: 'must not name a header twice',
    })
    .prefault('X-API-Key')
    .describe('Header to read the key from, or a list of headers; always read.'),
  scheme: z
    .string()
    .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{0,64}$/, 'must be an authentication scheme, or empty for none')
    .nullable()
    .default(null)
    .describe(
      'The scheme of a key in `Authorization`, such as `Bearer`. `Authorization` is then read beside `header`.',
    ),
  query_param: z
    .string()
    .regex(/^[A-Za-z0-9_.~-]{1,64}$/, 'must be 1 to 64 letters, digits, "_", ".", "~" or "-"')
    .optional()
    .describe('Query parameter to read the key from as well; removed before forwarding.'),
  keys: z
    .array(key)
    .min(1, 'must not be an empty list')
    .optional()
    .describe('The valid keys. Missing, and no `store`: every request is rejected.'),
  store: storeOptions.optional().describe('Where more keys live. They come and go without a reload.'),
  claims_to_headers: z
    .record(claimPath(), headerName())
    .default({})
    .describe('Identity headers set from the key: `name`; with `store` also `scope` and `metadata.…`.'),
  forward_credentials: z.boolean().default(false).describe('Whether a key that granted goes on to the upstream.'),
});

export const apiKeyNarrowing = z.strictObject({
  names: z
    .array(z.string().min(1))
    .min(1, 'must not be an empty list')
    .optional()
    .describe('Names of the keys that may pass.'),
  required_scopes: scopes().optional().describe('Scopes that a key of the store must all have.'),
  any_scope: anyScope('the key').optional(),
});

export type ApiKeyNarrowing = z.output<typeof apiKeyNarrowing>;
export type ApiKeyOptions = z.output<typeof apiKeyOptions>;
export type ConfiguredKey = NonNullable<ApiKeyOptions['keys']>[number];
