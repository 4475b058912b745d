/** Decides who may read the admin pages, by the requested host and by a credential. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { AdminAuth, PlannedAdmin } from '../config/plan-types.js';
import { constantTimeEqual } from '../lib/digest.js';

export type AdminAccess = 'granted' | 'wrong_host' | 'unauthorized' | 'open_address';

/** Applies the current rules to a request for the bound address. */
export function decideAccess(req: IncomingMessage, { host, auth }: PlannedAdmin): AdminAccess {
  if (!isOurHost(req, host)) return 'wrong_host';
  // A reload may have removed the credential of an address that is not loopback.
  if (auth.kind === 'none') return isLoopback(localAddress(req)) ? 'granted' : 'open_address';
  return isKnown(valuesOf(req, 'authorization'), auth) ? 'granted' : 'unauthorized';
}

/**
 * An attacker's page can point its own name at this address (DNS rebinding). So only the address itself, the configured
 * name and `localhost` are accepted. An IP address cannot be pointed elsewhere.
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

function isKnown([given, ...others]: readonly string[], auth: Exclude<AdminAuth, { kind: 'none' }>): boolean {
  if (given === undefined || others.length > 0) return false;
  const [, scheme = '', credential = ''] = /^(\S+) +(\S+)$/.exec(given) ?? [];
  if (auth.kind === 'bearer') return isWord(scheme, 'bearer') && constantTimeEqual(credential, auth.token);
  const expected = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return isWord(scheme, 'basic') && constantTimeEqual(credential, expected);
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
