/** Strictly parses the user and password of an `Authorization: Basic` credential (RFC 7617). */

export interface UserPass {
  /** The text that the user and password were read from. Base64 is canonical, so each pair has one. */
  readonly token: string;
  readonly username: string;
  readonly password: string;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const COLON = 0x3a;

/** Bcrypt ignores later bytes. A longer password would match by its prefix. */
const BCRYPT_BYTES = 72;

/** Returns undefined unless the token is canonical base64 of UTF-8 text with a colon and without control characters. */
export function readUserPass(token: string): UserPass | undefined {
  const bytes = Buffer.from(token, 'base64');
  if (bytes.toString('base64') !== token) return undefined;
  const text = decodeUtf8(bytes);
  if (text === undefined || /\p{Cc}/u.test(text)) return undefined;
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  const password = text.slice(colon + 1);
  if (Buffer.byteLength(password) > BCRYPT_BYTES) return undefined;
  // A part of the text would keep the whole text in memory, and a user name is kept for long.
  return { token, username: bytes.toString('utf8', 0, bytes.indexOf(COLON)), password };
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}
