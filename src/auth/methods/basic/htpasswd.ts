/** Reads the users of an Apache htpasswd file: bcrypt lines count, and other kinds of hashes are named. */
import { trimmed } from '../../../lib/trim.js';
import { BCRYPT_HASH, passwordHash, userName, type User } from './options.js';

export interface HtpasswdFile {
  readonly users: readonly User[];
  /** Users whose hash is of another kind. */
  readonly unsupported: readonly Fault[];
  /** Lines that mean nothing, or not one thing only. */
  readonly faults: readonly Fault[];
}

/** Messages quote names only: the rest of a line may be a password. */
interface Fault {
  readonly message: string;
}

interface Line {
  readonly number: number;
  readonly text: string;
}

/** A file has CRLF or LF, and may begin with a byte order mark. */
export function readHtpasswd(text: string): HtpasswdFile {
  const [users, unsupported, faults]: [User[], Fault[], Fault[]] = [[], [], []];
  const first = new Map<string, number>();
  for (const line of linesOf(text)) {
    const [username = '', hash, ...others] = line.text.split(':');
    const nameFault = nameFaultOf(username, hash);
    const fault = (message: string): Fault => ({ message: `line ${line.number}: ${message}` });
    const name = JSON.stringify(username);
    if (nameFault !== undefined || hash === undefined) faults.push(fault(nameFault ?? 'is no "user:hash"'));
    else if (first.has(username)) faults.push(fault(`the user ${name} is on line ${first.get(username)} already`));
    else if (kindOf(hash) !== undefined) unsupported.push(fault(`the user ${name} has ${kindOf(hash)}`));
    else if (others.length > 0) faults.push(fault(`the user ${name} has a colon behind the hash`));
    else if (hashFault(hash) !== undefined) faults.push(fault(`the hash of the user ${name} ${hashFault(hash)}`));
    else users.push({ username, password_hash: hash });
    if (!first.has(username)) first.set(username, line.number);
  }
  return { users, unsupported, faults };
}

function linesOf(text: string): readonly Line[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  return lines
    .map((line, at) => ({ number: at + 1, text: trimmed(line, ' \t') }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'));
}

function nameFaultOf(username: string, hash: string | undefined): string | undefined {
  // A line without a colon may be a password.
  if (hash === undefined) return 'has no colon; write "user:hash"';
  return userName().safeParse(username).success ? undefined : 'has no valid user name before the colon';
}

const KINDS: readonly (readonly [form: RegExp, kind: string])[] = [
  [/^\$apr1\$/, 'an apr1 (MD5) hash'],
  [/^\{SHA\}/i, 'a SHA-1 hash'],
  [/^\{[A-Z0-9-]+\}/i, 'a hash of a directory server'],
  [/^\$1\$/, 'an MD5 crypt hash'],
  [/^\$5\$/, 'a SHA-256 crypt hash'],
  [/^\$6\$/, 'a SHA-512 crypt hash'],
  [/^\$(?:y|gy|7)\$/, 'a yescrypt hash'],
  [/^\$argon2/, 'an Argon2 hash'],
  [/^[./0-9A-Za-z]{13}$/, 'a crypt (DES) hash'],
];

/** Undefined for bcrypt. */
function kindOf(hash: string): string | undefined {
  if (/^\$2[abxy]?\$/.test(hash)) return undefined;
  return KINDS.find(([form]) => form.test(hash))?.[1] ?? 'a password in plain text, or an unknown hash';
}

function hashFault(hash: string): string | undefined {
  if (!BCRYPT_HASH.test(hash)) return 'is no complete bcrypt hash of $2a$, $2b$ or $2y$';
  return passwordHash().safeParse(hash).error?.issues[0]?.message;
}
