/** Refuses cross-site requests whose credential the browser sends automatically (docs/security.md). */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { readOffer, type Place } from '../auth/credentials.js';
import { listed, quoted } from '../lib/sentence.js';
import type { PlannedMethod } from '../config/plan-types.js';
import type { RequestContext } from '../context/request-context.js';
import { peerAddressOf } from '../lib/connection.js';
import type { Denial } from './denial.js';
import type { AdmissionPolicy } from './policy.js';

export interface CrossSiteQuestion {
  /** Whether a cookie, Basic or a client certificate granted the request. A browser sends these for any page. */
  readonly ambient: boolean;
  readonly allowedOrigins: readonly string[];
  /** An upgrade is a GET request that CORS does not protect (cross-site WebSocket hijacking). */
  readonly upgrade: boolean;
  /** Whether the peer is in `trusted_proxies`, so that its `X-Forwarded-Host` names the host of the page. */
  readonly trustedPeer?: boolean;
}

const CROSS_SITE: Denial = { status: 403, code: 'cross_site', reason: 'cross_site' };

/** The stage that refuses cross-site requests. */
export function refuseCrossSite(
  policy: AdmissionPolicy,
  { request, identities, route, kind }: RequestContext,
): Denial | undefined {
  const ambient = identities.some(({ method }) => isAmbient(request, policy.methods.get(method)));
  if (!ambient) return undefined;
  const trustedPeer = policy.isTrusted(peerAddressOf(request));
  const upgrade = kind === 'upgrade';
  const question = { ambient, allowedOrigins: route?.allowedOrigins ?? [], upgrade, trustedPeer };
  if (!crossSiteRefused(request, question)) return undefined;
  return { ...CROSS_SITE, detail: () => describe(request, question.allowedOrigins) };
}

function describe({ headers }: IncomingMessage, allowed: readonly string[]): string {
  const site = quoted(headers['sec-fetch-site'] ?? 'missing');
  const origins = allowed.length === 0 ? 'allowed_origins is empty' : `allowed_origins: ${listed(allowed.map(quoted))}`;
  return `Sec-Fetch-Site is ${site}, Origin is ${quoted(headers.origin ?? 'missing')}; ${origins}`;
}

/** Schemes whose credential a browser sends automatically after a login (RFC 7617, 7616, 4559). */
const REMEMBERED_SCHEMES = new Set(['basic', 'digest', 'negotiate', 'ntlm']);

/**
 * Whether a browser may have sent the credential that granted the request, for any page. `method` is undefined for an
 * unknown auth method.
 */
function isAmbient(req: IncomingMessage, method: Pick<PlannedMethod, 'ambient' | 'places'> | undefined): boolean {
  const { ambient = 'unknown', places = [] } = method ?? {};
  if (ambient === true) return true;
  if (ambient === 'unknown' && hasAmbientCredential(req)) return true;
  return places.some((place) => isFilledByBrowsers(req, place) && readOffer(req, [place]).kind !== 'none');
}

/** An auth method with unknown places may have read any of these credentials. */
function hasAmbientCredential(req: IncomingMessage): boolean {
  if (req.headers.cookie !== undefined || hasRememberedScheme(req)) return true;
  const socket = req.socket as Partial<TLSSocket>;
  return socket.authorized === true && Object.keys(socket.getPeerCertificate?.() ?? {}).length > 0;
}

function isFilledByBrowsers(req: IncomingMessage, place: Place): boolean {
  if (place.in === 'cookie') return true;
  if (place.in !== 'header') return false;
  return place.name === 'cookie' || (place.name === 'authorization' && hasRememberedScheme(req));
}

function hasRememberedScheme({ headers: { authorization = '' } }: IncomingMessage): boolean {
  return REMEMBERED_SCHEMES.has((authorization.split(' ', 1)[0] ?? '').toLowerCase());
}

/** The safe HTTP methods (RFC 9110 §9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Clients other than browsers send neither `Origin` nor `Sec-Fetch-Site`, so their requests pass. */
export function crossSiteRefused(req: IncomingMessage, question: CrossSiteQuestion): boolean {
  const { ambient, allowedOrigins, upgrade } = question;
  if (!ambient || (!upgrade && SAFE.has(req.method ?? ''))) return false;
  const { origin } = req.headers;
  // `*` and `null` are not origins. Neither value may allow a request with an ambient credential.
  const allowed = origin !== undefined && allowedOrigins.some((each) => isOrigin(each) && sameOrigin(each, origin));
  if (allowed) return false;
  const site = String(req.headers['sec-fetch-site'] ?? '').toLowerCase();
  return site.includes('cross-site') || (origin !== undefined && !isOwn(origin, req, question));
}

function isOrigin(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/./i.test(text);
}

function sameOrigin(left: string, right: string): boolean {
  return left.toLowerCase().replace(/\/$/, '') === right.toLowerCase();
}

/**
 * Whether the origin has the host and port that the client asked for. Behind a proxy that terminates TLS the scheme is
 * unknown, unless a trusted proxy names it. On Loom's own TLS the scheme must be https.
 */
function isOwn(origin: string, req: IncomingMessage, { trustedPeer = false }: CrossSiteQuestion): boolean {
  const [, scheme, authority] = /^(https?):\/\/([^/?#@\\]+)$/i.exec(origin) ?? [];
  if (!scheme || !authority) return false;
  const secure = scheme.toLowerCase() === 'https';
  const said = trustedPeer ? saidByProxy(req) : undefined;
  const isTls = (req.socket as Partial<TLSSocket>).encrypted === true || said?.protocol === 'https';
  if (isTls && !secure) return false;
  const hosts = said?.hosts ?? (req.headers.host ? [req.headers.host] : []);
  return hosts.some((host) => withPort(authority, secure) === withPort(host, secure));
}

interface SaidByProxy {
  readonly protocol: string | undefined;
  /** Undefined: the proxy says no host, and `Host` counts. */
  readonly hosts: readonly string[] | undefined;
}

/** A page cannot set these headers for a request to another site, so each of several values may be the right one. */
function saidByProxy({ headers }: IncomingMessage): SaidByProxy {
  const listOf = (name: string): readonly string[] =>
    String(headers[name] ?? '')
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '');
  const hosts = listOf('x-forwarded-host');
  const [port] = listOf('x-forwarded-port');
  const withOwnPort = hosts.flatMap((host) => (port === undefined || /:\d+$/.test(host) ? [] : [`${host}:${port}`]));
  const [protocol] = listOf('x-forwarded-proto');
  return { protocol: protocol?.toLowerCase(), hosts: hosts.length === 0 ? undefined : [...hosts, ...withOwnPort] };
}

function withPort(authority: string, secure: boolean): string {
  const plain = authority.toLowerCase();
  return /:\d+$/.test(plain) ? plain : `${plain}:${secure ? 443 : 80}`;
}
