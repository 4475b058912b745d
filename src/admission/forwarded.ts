/** Removes the headers that end at this hop, and sets the forwarding headers for the next hop. */
import type { IncomingMessage } from 'node:http';
import {
  familyOf,
  foldName,
  goesOn,
  isOfProxy,
  isOthersIdentity,
  TrustedHeaders,
  type Sender,
} from '../http/header-policy.js';
import { dropUnsent, editFields, setField, type FieldEdit } from '../http/fields.js';
import { plainAddress } from '../lib/address.js';
import { isConnection, isTls, peerAddressOf } from '../lib/connection.js';

export interface ForwardOptions {
  /** Whether a peer is in `trusted_proxies`. */
  readonly trusted: (address: string) => boolean;
  /** The `trusted_headers` of the configuration. Default: none. */
  readonly trustedHeaders?: TrustedHeaders;
  /**
   * Whether a field line is forwarded regardless of its family. A gateway set it, or it is a granted credential that
   * may be forwarded.
   */
  readonly keeps?: (name: string, value: string) => boolean;
  /** Removes the credentials, before the other rules read a field line. Default: none is removed. */
  readonly withoutCredential?: FieldEdit;
  /** Whether Loom has set a field already, so that `Connection` of the client cannot remove it. Default: no field. */
  readonly isSet?: (name: string) => boolean;
  /** The `client_ip_header` of the configuration, in lower case. */
  readonly clientHeader?: string | undefined;
  /** Set if the header of the CDN has the client address. */
  readonly cdnClient?: CdnClient | undefined;
}

interface CdnClient {
  readonly address: string;
  /** The addresses from the CDN to the peer, without the peer. */
  readonly route: readonly string[];
}

const NO_HEADERS = new TrustedHeaders([]);

/**
 * Prepares the headers of a request for the upstream. Runs after the credentials are read and **before** identity
 * headers are set. Otherwise a client's `Connection: X-User-ID` would remove Loom's header (CVE-2024-45410).
 */
export function prepareForward(req: IncomingMessage, options: ForwardOptions): void {
  const { trusted, trustedHeaders = NO_HEADERS, keeps, withoutCredential, isSet, clientHeader, cdnClient } = options;
  const from = peerAddressOf(req);
  const plain = plainAddress(from);
  // A peer on a Unix socket, or behind a balancer that does not name it, has no address.
  const peer = plain ?? '';
  const sender: Sender = { believed: trusted(plain ?? from), trustedHeaders };
  const named = namedByConnection(req);
  const isClientHeader = (name: string): boolean => clientHeader !== undefined && foldName(name) === clientHeader;
  editFields(req, (name, given) => {
    const value = withoutCredential ? withoutCredential(name, given) : given;
    if (value === undefined) return undefined;
    // An upstream that reads the header may believe it. So only the address that Loom believes is forwarded.
    if (isClientHeader(name)) return name === clientHeader ? cdnClient?.address : undefined;
    if (named?.has(name) === true && !isFraming(name) && !isOfProxy(name, sender) && isSet?.(name) !== true)
      return undefined;
    const passes = goesOn(name, sender) || keeps?.(name, value) === true;
    return passes && !isConnectionBound(name, value) ? value : undefined;
  });
  dropUnsent(req, (name) => isOthersIdentity(name, sender) || isClientHeader(name));
  tellOfClient(req, { peer, believed: sender.believed });
  if (cdnClient && from !== '') tellOfCdnClient(req, peer, cdnClient);
}

/**
 * Framing headers are never edited. Without them Node sends the body raw, and the upstream reads it as a second
 * request.
 */
function isFraming(name: string): boolean {
  const family = familyOf(name);
  return family?.perHop === true && family.passage === 'always';
}

/**
 * HAProxy passes the `Connection` of a client on. The client must not remove what the proxy reports of it: the upstream
 * would take the proxy for the client (CVE-2022-31813).
 */
function namedByConnection(req: IncomingMessage): ReadonlySet<string> | undefined {
  const { connection } = req.headers;
  return connection === undefined
    ? undefined
    : new Set(connection.split(',').map((token) => token.trim().toLowerCase()));
}

/**
 * NTLM and Negotiate authenticate the connection. On a pooled connection the next user would have the identity of the
 * previous user.
 */
function isConnectionBound(name: string, value: string): boolean {
  return name === 'authorization' && /^(?:ntlm|negotiate)(?![A-Za-z0-9!#$%&'*+.^_`|~-])/i.test(value);
}

function tellOfClient(req: IncomingMessage, { peer, believed }: { peer: string; believed: boolean }): void {
  const { headers, socket } = req;
  const before = believed ? headers['x-forwarded-for'] : undefined;
  const said = (name: string): boolean => believed && headers[name] !== undefined;
  // The port of this listener is not the port that a client of the proxy knows.
  const behindOther = said('x-forwarded-host') || said('x-forwarded-proto');
  if (peer !== '') setField(req, 'X-Forwarded-For', before === undefined ? peer : `${String(before)}, ${peer}`);
  if (peer !== '' && !said('x-real-ip') && before === undefined) setField(req, 'X-Real-IP', peer);
  if (!said('x-forwarded-proto')) {
    setField(req, 'X-Forwarded-Proto', isTls(req) ? 'https' : 'http');
  }
  if (!said('x-forwarded-host') && headers.host !== undefined) setField(req, 'X-Forwarded-Host', headers.host);
  if (said('x-forwarded-port')) return;
  const port = behindOther ? portOf(headers) : isConnection(socket) ? socket.localPort : undefined;
  if (port !== undefined) setField(req, 'X-Forwarded-Port', String(port));
}

/** Removes what is to the left of the CDN in `X-Forwarded-For`: the CDN passes on the text of a client. */
function tellOfCdnClient(req: IncomingMessage, peer: string, { address, route }: CdnClient): void {
  setField(req, 'X-Forwarded-For', [address, ...route, peer].filter((each) => each !== '').join(', '));
  setField(req, 'X-Real-IP', address);
}

/** A map, because the proxy may pass on the text of a client, such as `constructor`. */
const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
  ['ws', 80],
  ['wss', 443],
]);
const HIGHEST_PORT = 65_535;

/** Returns the port that a client asked for, as the proxy describes the request. Undefined if the port is unknown. */
function portOf(headers: IncomingMessage['headers']): number | undefined {
  const firstOf = (name: string): string => (String(headers[name] ?? '').split(',', 1)[0] ?? '').trim();
  const [, port] = /^(?:\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(firstOf('x-forwarded-host')) ?? [];
  if (port === undefined) return DEFAULT_PORTS.get(firstOf('x-forwarded-proto').toLowerCase());
  return Number(port) >= 1 && Number(port) <= HIGHEST_PORT ? Number(port) : undefined;
}
