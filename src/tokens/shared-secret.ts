/** Decodes a shared secret from the file. A text that is not in its encoding is an error, never another key. */

export const SECRET_ENCODINGS = ['utf8', 'base64', 'base64url'] as const;
export type SecretEncoding = (typeof SECRET_ENCODINGS)[number];

/** The bytes of the secret. Undefined if the text is not in the encoding (RFC 4648; padding may be missing). */
export function decodeSecret(text: string, encoding: SecretEncoding): Buffer | undefined {
  if (encoding === 'utf8') return Buffer.from(text, 'utf8');
  const bytes = Buffer.from(text, encoding);
  // Node skips characters outside the alphabet, so `!!!!` would be an empty key.
  const whole = bytes.toString(encoding).replace(/={1,2}$/, '');
  const padded = whole.padEnd(Math.ceil(whole.length / 4) * 4, '=');
  return bytes.length > 0 && (text === whole || text === padded) ? bytes : undefined;
}
