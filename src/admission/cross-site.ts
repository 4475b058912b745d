/** Refuses what another site makes a browser send with a credential that it sends unasked (spec §6). */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { readOffer, type Place } from '../auth/credentials.js';
import type { PlannedMethod } from '../config/plan-types.js';
import type { RequestContext } from '../context/request-context.js';
import type { Denial } from './denial.js';
import type { AdmissionPolicy } from './policy.js';

export interface CrossSiteQuestion {
  /** A cookie, Basic or a client certificate granted: the browser adds it whoever asks. */
  readonly ambient: boolean;
  readonly allowedOrigins: readonly string[];
  /** An upgrade is a GET that CORS does not guard (cross-site WebSocket hijacking). */
  readonly upgrade: boolean;
}

const CROSS_SITE: Denial = { status: 403, code: 'cross_site', reason: 'cross_site' };

/** The stage that refuses a request which another site made a browser send. */
export function refuseCrossSite(
  policy: AdmissionPolicy,
  { request, identities, route, kind }: RequestContext,
): Denial | undefined {
  const ambient = identities.some(({ method }) => isAmbient(request, policy.methods.get(method)));
  const question = { ambient, allowedOrigins: route?.allowedOrigins ?? [], upgrade: kind === 'upgrade' };
  return crossSiteRefused(request, question) ? CROSS_SITE : undefined;
}

/** What a browser sends without being asked once a user has logged in (RFC 7617, 7616, 4559). */
const REMEMBERED_SCHEMES = new Set(['basic', 'digest', 'negotiate', 'ntlm']);

/** Whether a browser may have sent the credential that granted, whoever made the page. Undefined: an unknown method. */
export function isAmbient(
  req: IncomingMessage,
  method: Pick<PlannedMethod, 'ambient' | 'places'> | undefined,
): boolean {
  const { ambient = 'unknown', places = [] } = method ?? {};
  if (ambient === true) return true;
  if (ambient === 'unknown' && hasAmbientCredential(req)) return true;
  return places.some((place) => isFilledByBrowsers(req, place) && readOffer(req, [place]).kind !== 'none');
}

/** A method that may read anything may have read any of these. */
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

/** RFC 9110 §9.2.1. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Clients that are no browser send neither field and pass. */
export function crossSiteRefused(req: IncomingMessage, question: CrossSiteQuestion): boolean {
  const { ambient, allowedOrigins, upgrade } = question;
  if (!ambient || (!upgrade && SAFE.has(req.method ?? ''))) return false;
  const { origin } = req.headers;
  // `*` and `null` are no origins: neither may let in what a credential comes with.
  const allowed = origin !== undefined && allowedOrigins.some((each) => isOrigin(each) && sameOrigin(each, origin));
  if (allowed) return false;
  const site = String(req.headers['sec-fetch-site'] ?? '').toLowerCase();
  return site.includes('cross-site') || (origin !== undefined && !isOwn(origin, req));
}

function isOrigin(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/./i.test(text);
}

function sameOrigin(left: string, right: string): boolean {
  return left.toLowerCase().replace(/\/$/, '') === right.toLowerCase();
}

/** Same host and port as asked for. Behind a proxy that ends TLS the scheme cannot be known; on our own TLS it is https. */
function isOwn(origin: string, req: IncomingMessage): boolean {
  const [, scheme, authority] = /^(https?):\/\/([^/?#@\\]+)$/i.exec(origin) ?? [];
  const { host } = req.headers;
  if (!scheme || !authority || !host) return false;
  const secure = scheme.toLowerCase() === 'https';
  if ((req.socket as Partial<TLSSocket>).encrypted === true && !secure) return false;
  return withPort(authority, secure) === withPort(host, secure);
}

function withPort(authority: string, secure: boolean): string {
  const plain = authority.toLowerCase();
  return /:\d+$/.test(plain) ? plain : `${plain}:${secure ? 443 : 80}`;
}
