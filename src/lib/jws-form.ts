/** Recognizes the form of a JWS (RFC 7515), without reading its content. */

/** Whether a value is a compact JWS by its form, or is meant to be one. */
export function looksLikeJws(value: string): boolean {
  const [header = '', ...others] = value.split('.', 4);
  return others.length === 2 && beginsObject(header);
}

/** Read leniently: a token that starts like a JOSE header is checked by the JWS rules, even if it breaks them. */
export function beginsObject(part: string): boolean {
  return /^[ \t\r\n]*\{/.test(Buffer.from(part.slice(0, 64), 'base64url').toString('latin1'));
}
