/** The header and the scheme that carry a token, for the auth methods with tokens. */
import { z } from 'zod';
import type { Place } from '../credentials.js';

interface TokenHeader {
  readonly header: string;
  readonly scheme?: string | null | undefined;
}

export const schemeField = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{0,64}$/, 'must be an authentication scheme, or empty for none')
    .nullable()
    .optional()
    .describe(
      'The scheme before the token in `header`; empty or null: the header holds the token alone. Default: `Bearer` in `Authorization`, none in another header.',
    );

/** The scheme before the token, or an empty text. Only `Authorization` has schemes (RFC 9110 §11.6.2). */
function schemeOf({ header, scheme }: TokenHeader): string {
  return scheme === undefined ? (header.toLowerCase() === 'authorization' ? 'Bearer' : '') : (scheme ?? '');
}

export function headerPlace(from: TokenHeader): Place {
  const scheme = schemeOf(from).toLowerCase();
  const name = from.header.toLowerCase();
  return scheme === '' ? { in: 'header', name } : { in: 'header', name, scheme };
}

/** The scheme of the challenge. A challenge always has one. */
export function challengeScheme(from: TokenHeader): string {
  return schemeOf(from) || 'Bearer';
}
