/** A request as a plugin sees it: pseudo-headers, fields in lower case, and the properties of proxy-wasm. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { peerCertificate, tlsSocketOf } from '../../../certificates/certificate.js';
import { clientAddressOf, isUnknownClient } from '../../../http/client-address.js';
import { isConnection, peerPortOf } from '../../../lib/connection.js';
import type { PluginRequest } from '../../../wasm/decision.js';
import type { Pair } from '../../../wasm/header-map.js';
import type { Properties } from '../../../wasm/properties.js';

/** Visible ASCII, space and tab. With other bytes a client could trap a plugin that reads the value as UTF-8. */
const ASCII = /^[\t\x20-\x7e]*$/;

/** Whether a plugin can read every field value. */
export function isPlain({ rawHeaders }: IncomingMessage): boolean {
  for (let at = 1; at < rawHeaders.length; at += 2) if (!ASCII.test(rawHeaders[at] as string)) return false;
  return true;
}

export interface Seen {
  readonly hasBody: boolean;
  readonly body?: Uint8Array;
  /** Credentials that an earlier auth method of an `any` rejected. The plugin does not receive them. */
  readonly refused: ReadonlySet<string>;
  readonly now: number;
}

export function pluginRequest(req: IncomingMessage, { hasBody, body, refused, now }: Seen): PluginRequest {
  const target = withoutRefused(targetOf(req), refused);
  const scheme = tlsSocketOf(req.socket) ? 'https' : 'http';
  const authority = req.headers.host ?? '';
  const pseudo: Pair[] = [
    [':method', req.method ?? ''],
    [':path', target],
    [':authority', authority],
    [':scheme', scheme],
  ];
  const properties = { ...requestProperties(req, { target, scheme, now }), ...connectionProperties(req, now) };
  const fields = fieldsOf(req).filter(([, value]) => !holdsAny(value, refused));
  return { pairs: [...pseudo, ...fields], properties, hasBody, ...(body && { body }) };
}

/** The whole path, wherever Loom is mounted. */
function targetOf(req: IncomingMessage): string {
  const { originalUrl } = req as { readonly originalUrl?: unknown };
  return typeof originalUrl === 'string' ? originalUrl : (req.url ?? '/');
}

/** Whether a field contains a refused credential at any position, such as in a cookie or a list. */
function holdsAny(text: string, refused: ReadonlySet<string>): boolean {
  for (const credential of refused) if (text.includes(credential)) return true;
  return false;
}

/** A credential in a query has many spellings. If the query contains one, the plugin receives no query parameter. */
function withoutRefused(target: string, refused: ReadonlySet<string>): string {
  return refused.size === 0 ? target : (target.split('?', 1)[0] as string);
}

/** The header fields, without `host`, which is `:authority`. */
function fieldsOf({ rawHeaders }: IncomingMessage): readonly Pair[] {
  const pairs: Pair[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase();
    if (name !== 'host') pairs.push([name, rawHeaders[at + 1] as string]);
  }
  return pairs;
}

interface RequestFacts {
  readonly target: string;
  readonly scheme: string;
  readonly now: number;
}

function requestProperties(req: IncomingMessage, { target, scheme, now }: RequestFacts): Properties {
  const { method = '', headers, httpVersion } = req;
  const [path = '', query] = target.split(/\?(.*)/s, 2);
  const optional: readonly (readonly [string, string | undefined])[] = [
    ['request.referer', headers.referer],
    ['request.useragent', headers['user-agent']],
    ['request.id', single(headers['x-request-id'])],
  ];
  return {
    'request.path': target,
    'request.url_path': path,
    'request.query': query ?? '',
    'request.host': headers.host ?? '',
    'request.scheme': scheme,
    'request.method': method,
    'request.protocol': `HTTP/${httpVersion}`,
    'request.time': now * 1_000_000,
    'request.size': Number(headers['content-length'] ?? 0),
    ...Object.fromEntries(optional.filter((each): each is readonly [string, string] => each[1] !== undefined)),
  };
}

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

const NO_CONNECTION: Partial<Socket> = {};

function connectionProperties(req: IncomingMessage, now: number): Properties {
  const { localAddress = '', localPort = 0 } = isConnection(req.socket) ? req.socket : NO_CONNECTION;
  const remotePort = (isConnection(req.socket) && peerPortOf(req.socket)) || 0;
  const tls = tlsSocketOf(req.socket);
  return {
    'source.address': at(clientAddressOf(req), remotePort),
    'source.port': remotePort,
    'destination.address': at(localAddress, localPort),
    'destination.port': localPort,
    ...(tls ? tlsProperties(tls, now) : { 'connection.mtls': false }),
  };
}

function at(address: string, port: number): string {
  // A plugin that searches the text for an address of the proxy must not find it.
  if (isUnknownClient(address)) return 'unknown';
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function tlsProperties(socket: TLSSocket, now: number): Properties {
  const peer = peerCertificate(socket, now);
  const name = socket.servername;
  const common = {
    'connection.mtls': peer.kind === 'verified',
    'connection.tls_version': socket.getProtocol() ?? '',
    ...(typeof name === 'string' && { 'connection.requested_server_name': name }),
  };
  if (peer.kind !== 'verified') return common;
  const { subject, sans, fingerprint } = peer.claims;
  const san = (kind: string): string | undefined => sans.find((each) => each.startsWith(kind))?.slice(kind.length);
  const [dns, uri] = [san('DNS:'), san('URI:')];
  return {
    ...common,
    'connection.subject_peer_certificate': subject,
    'connection.sha256_peer_certificate_digest': fingerprint,
    ...(dns !== undefined && { 'connection.dns_san_peer_certificate': dns }),
    ...(uri !== undefined && { 'connection.uri_san_peer_certificate': uri }),
  };
}
