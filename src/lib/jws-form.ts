/** Recognizes the form of a JWS (RFC 7515), without reading its content. */

/** Whether a value is a compact JWS by its form, or is meant to be one. */
export function looksLikeJws(value: string): boolean {
  const [header = '', ...others] = value.split('.', 4);
  return others.length === 2 && beginsObject(header);
}

/**
 * Read leniently: a token that is meant to start with a JOSE header is checked by the JWS rules, even if it breaks them.
 * Lenient parsers skip a byte order mark, white space of any length and comments, and read UTF-16.
 */
export function beginsObject(part: string): boolean {
  const text = Buffer.from(part, 'base64url').toString('latin1').replaceAll('\0', '');
  return /^(?:\xef\xbb\xbf|\xfe\xff|\xff\xfe)?\s*\{/.test(text) || /"alg"\s*:/.test(text);
}
