/** Decides who may see an admin page, by the requested host, the site of a browser, and a credential. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { PlannedAdmin } from '../config/plan-types.js';
import type { Role } from './page.js';

export type AdminRules = Pick<PlannedAdmin, 'host' | 'port' | 'auth' | 'operator'>;

/** `credential`: the credential of the request decides. */
export type Admission = 'granted' | 'credential' | 'wrong_host' | 'other_site' | 'open_address' | 'operator_unset';

/**
 * Applies the current rules to a request for the bound address, as far as they need no secret. A valid credential
 * replaces the check of the host name: a page of an attacker cannot send it.
 */
export function decideAccess(req: IncomingMessage, role: Role, { host, auth, operator }: AdminRules): Admission {
  const ours = isOurHost(req, host);
  if ((role === 'none' || role === 'anyone') && ours) return 'granted';
  // A prober may speak HTTP/1.0. A browser always sends the field.
  if (role === 'none' && valuesOf(req, 'host').length === 0) return 'granted';
  // An operator reaches the address by other names too. A name of an attacker gets no data without a credential.
  if (role === 'anyone' && auth.kind !== 'none') return 'granted';
  if (!isOwnSite(req, role)) return 'other_site';
  const credentials = valuesOf(req, 'authorization');
  if (!ours && (credentials.length === 0 || valuesOf(req, 'host').length !== 1)) return 'wrong_host';
  if (role === 'operator') return operator ? 'credential' : 'operator_unset';
  if (auth.kind !== 'none') return 'credential';
  if (ours && isLoopback(localAddress(req))) return 'granted';
  if (operator && credentials.length > 0) return 'credential';
  // A reload may have removed the credential of an address that is not loopback.
  return ours ? 'open_address' : 'wrong_host';
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

/**
 * Whether a browser sent the request from a page of this address, or not at all from a page. A link in a page of another
 * site may still lead a reader here: that site cannot read the response.
 */
function isOwnSite(req: IncomingMessage, role: Role): boolean {
  const [host] = valuesOf(req, 'host');
  const origins = valuesOf(req, 'origin');
  if (origins.some((origin) => originHost(origin) !== host?.toLowerCase())) return false;
  const sites = valuesOf(req, 'sec-fetch-site');
  if (sites.every((site) => site === 'same-origin' || site === 'none')) return true;
  return role !== 'operator' && isNavigation(req);
}

function isNavigation(req: IncomingMessage): boolean {
  return (
    req.method === 'GET' &&
    valuesOf(req, 'sec-fetch-mode').join() === 'navigate' &&
    valuesOf(req, 'sec-fetch-dest').join() === 'document'
  );
}

/** A proxy in front may end TLS, so the scheme can be either. */
function originHost(origin: string): string | undefined {
  return /^https?:\/\/([^/\s]+)$/i.exec(origin)?.[1]?.toLowerCase();
}

export interface GivenCredential {
  readonly scheme: 'basic' | 'bearer';
  readonly token: string;
}

/** Returns the credential of the one `Authorization` field. No cookie and no query has one. */
export function credentialOf(req: IncomingMessage): GivenCredential | undefined {
  const [given, ...others] = valuesOf(req, 'authorization');
  if (given === undefined || others.length > 0) return undefined;
  const [, word = '', token = ''] = /^(\S+) +(\S+)$/.exec(given) ?? [];
  const scheme = word.toLowerCase();
  return scheme === 'basic' || scheme === 'bearer' ? { scheme, token } : undefined;
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
