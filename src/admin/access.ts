/** Decides who may read the admin pages, by the requested host and by a credential. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { AdminAuth, PlannedAdmin } from '../config/plan-types.js';
import { constantTimeEqual } from '../lib/digest.js';

/** `password`: the token of `Authorization: Basic` is still to be compared with the bcrypt hashes of the users. */
export type AdminAccess = 'granted' | 'wrong_host' | 'unauthorized' | 'open_address' | 'password';

/** Constants that a prober reads: whether the process runs, and whether it takes requests. */
const PROBES: ReadonlySet<string> = new Set(['/health', '/ready']);

/**
 * Applies the current rules to a request for the bound address. A valid credential replaces the check of the host name:
 * a page of an attacker cannot send it.
 */
export function decideAccess(
  req: IncomingMessage,
  { host, auth }: Pick<PlannedAdmin, 'host' | 'port' | 'auth'>,
): AdminAccess {
  const ours = isOurHost(req, host);
  if (ours && PROBES.has(pathOf(req))) return 'granted';
  // A reload may have removed the credential of an address that is not loopback.
  if (auth.kind === 'none') return !ours ? 'wrong_host' : isLoopback(localAddress(req)) ? 'granted' : 'open_address';
  const credentials = valuesOf(req, 'authorization');
  if (!ours && (credentials.length === 0 || valuesOf(req, 'host').length !== 1)) return 'wrong_host';
  return judge(credentials, auth);
}

export function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}

/**
 * An attacker's page can point its own name at this address (DNS rebinding). So only the address itself, the configured
 * name and `localhost` are accepted without a credential. An IP address cannot be pointed elsewhere.
 */
function isOurHost(req: IncomingMessage, configured: string | undefined): boolean {
  const [given, ...others] = valuesOf(req, 'host');
  if (given === undefined || others.length > 0) return false;
  const [, bracketed, plain] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(given) ?? [];
  const name = (bracketed ?? plain ?? '').toLowerCase();
  if (name === 'localhost' || name === configured?.toLowerCase()) return true;
  const everywhere = configured === undefined || configured === '0.0.0.0' || configured === '::';
  return isIP(name) !== 0 && (everywhere || name === localAddress(req));
}

function judge(given: readonly string[], auth: Exclude<AdminAuth, { kind: 'none' }>): AdminAccess {
  const credential = credentialIn(given, auth.kind === 'bearer' ? 'bearer' : 'basic');
  if (credential === undefined) return 'unauthorized';
  if (auth.kind === 'users') return 'password';
  const expected =
    auth.kind === 'bearer' ? auth.token : Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return constantTimeEqual(credential, expected) ? 'granted' : 'unauthorized';
}

/** The token of the one `Authorization` field, if it has the scheme. */
function credentialIn([given, ...others]: readonly string[], expected: string): string | undefined {
  if (given === undefined || others.length > 0) return undefined;
  const [, scheme = '', credential = ''] = /^(\S+) +(\S+)$/.exec(given) ?? [];
  return isWord(scheme, expected) ? credential : undefined;
}

/** The token of `Authorization: Basic`. */
export function basicToken(req: IncomingMessage): string {
  return credentialIn(valuesOf(req, 'authorization'), 'basic') ?? '';
}

function isWord(text: string, word: string): boolean {
  return text.toLowerCase() === word;
}

/** Node drops a second `Host` or `Authorization` from `headers`. */
function valuesOf({ rawHeaders }: IncomingMessage, name: string): readonly string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}

function localAddress({ socket }: IncomingMessage): string {
  return (socket.localAddress ?? '').replace(/^::ffff:/, '');
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^127\./.test(address);
}
