/** The `basic` block: the realm and the users with their bcrypt hashes. */
import { z } from 'zod';
import { duration, headerName, plainText } from '../../../lib/fields.js';
import { HIGHEST_COST, TOO_COSTLY } from '../bcrypt-cost.js';
import { throttleOption } from '../throttle-option.js';

export const BCRYPT_HASH = /^\$2[aby]\$(0[4-9]|1\d|2\d|3[01])\$[./A-Za-z0-9]{53}$/;

/** The cost (the exponent) of a bcrypt hash. */
export function costOf(passwordHash: string): number {
  return Number(BCRYPT_HASH.exec(passwordHash)?.[1]);
}

/** A bcrypt hash of a password, of a cost that this process can afford. */
export const passwordHash = () =>
  z
    .string()
    .regex(BCRYPT_HASH, 'must be a bcrypt hash that begins with $2a$, $2b$ or $2y$, as `htpasswd -nbB` prints it')
    .refine((text) => !(costOf(text) > HIGHEST_COST), { error: TOO_COSTLY });

export const userName = () =>
  plainText()
    .max(256, 'must be at most 256 characters')
    .refine((text) => !text.includes(':'), { error: 'must not contain a colon (RFC 7617)' });

export const user = z.strictObject({
  username: userName().describe('The user, compared byte for byte.'),
  password_hash: passwordHash().describe(
    'The bcrypt hash of the password. A cost of 13 or 14 is a warning, a higher cost an error.',
  ),
});

export const basicOptions = z.strictObject({
  realm: plainText().default('loom').describe('The realm of the challenge, as browsers show it.'),
  users: z
    .array(user)
    .min(1, 'must not be an empty list')
    .default([])
    .describe('The users that may log in. Required without `htpasswd_file`.'),
  htpasswd_file: z
    .string()
    .min(1, 'must not be empty')
    .optional()
    .describe('An Apache htpasswd file with more users, relative to this file. Only bcrypt hashes count.'),
  ignore_unsupported: z
    .boolean()
    .default(false)
    .describe('Whether users of `htpasswd_file` with another kind of hash are ignored. Otherwise they are errors.'),
  cache_ttl: duration({ min: 0, max: 86_400_000 })
    .prefault('5m')
    .describe('How long a verified pair of user and password is cached; "0s" hashes on each request.'),
  throttle: throttleOption('of an address for one user'),
  claims_to_headers: z
    .strictObject({ username: headerName().optional().describe('Header that carries the user.') })
    .default({})
    .describe('Identity headers set from the user: `username`.'),
  forward_credentials: z.boolean().default(false).describe('Whether credentials that granted go on to the upstream.'),
});

export const basicNarrowing = z.strictObject({
  users: z.array(z.string().min(1)).min(1, 'must not be an empty list').optional().describe('Users that may pass.'),
});

export type User = z.output<typeof user>;
export type BasicOptions = z.output<typeof basicOptions> & {
  /** The text of `htpasswd_file`. */
  readonly htpasswd?: string;
};
