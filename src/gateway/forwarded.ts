/** What of the client's fields ends at this hop, and what the next hop is told of the client instead. */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { editFields, foldName, setField } from './header-views.js';

export interface ForwardOptions {
  /** Whether a peer is in `trusted_proxies`. */
  readonly trusted: (address: string) => boolean;
}

/** Framing is never edited: without it Node sends the body raw, as a second request. */
const FRAMING = new Set(['transfer-encoding', 'content-length', 'host']);
/** From anyone: hop-by-hop (RFC 9110 §7.6.1), and what makes an upstream serve another path or method than was judged. */
const NEVER_FORWARDED = new Set([
  ...(
    'connection keep-alive proxy-connection proxy-authenticate proxy-authentication-info proxy-authorization te ' +
    'trailer upgrade http2-settings x-original-url x-original-uri x-original-path x-original-method x-rewrite-url ' +
    'x-rewrite-uri x-http-method-override x-http-method x-method-override x-http-path-override proxy ' +
    'x-envoy-original-path x-envoy-original-method x-middleware-subrequest ' +
    // gunicorn takes `SCRIPT_NAME` from a proxy on its own host and cuts it off the path that was judged.
    'script-name x-script-name path-info x-path-info request-uri x-request-uri'
  ).split(' '),
  // `constructor` and kin: read from a plain object, these are no field of the request.
  ...Object.getOwnPropertyNames(Object.prototype).map(foldName),
]);
/** From peers that are not trusted proxies: claims about the client that only a proxy may make. */
const TRUST_ONLY = new Set(
  (
    'forwarded x-forwarded x-real-ip x-client-ip x-cluster-client-ip x-remote-ip x-remote-addr x-originating-ip ' +
    'x-original-forwarded-for x-original-host x-host client-ip cf-connecting-ip cf-connecting-ipv6 cf-pseudo-ipv4 ' +
    'true-client-ip x-true-client-ip fastly-client-ip fly-client-ip proxy-client-ip wl-proxy-client-ip ' +
    'forwarded-for forwarded-host forwarded-proto x-forward-for x-original-for x-original-proto do-connecting-ip ' +
    'cloudfront-viewer-address x-nf-client-connection-ip remote-addr x-proxyuser-ip x-real-port cf-visitor ' +
    'x-azure-clientip x-azure-socketip x-scheme x-url-scheme front-end-https client-cert client-cert-chain ' +
    'x-client-cert x-arr-clientcert x-arr-ssl'
  ).split(' '),
);
const TRUST_ONLY_PREFIXES = [
  ...['x-forwarded-', 'x-ssl-', 'ssl-client-', 'x-envoy-', 'x-appengine-', 'x-vercel-'],
  // What load balancers say of a client certificate: those of AWS, Google and Cloudflare.
  ...['x-amzn-mtls-', 'x-client-cert-', 'cf-client-cert-'],
];

/**
 * Prepares a request's fields for the upstream. Runs after the credentials were read and **before** identity headers
 * are set: a `Connection: X-User-ID` of the client must not take ours away (CVE-2024-45410).
 */
export function prepareForward(req: IncomingMessage, { trusted }: ForwardOptions): void {
  const peer = plainAddress(req.socket.remoteAddress ?? '');
  const believed = trusted(peer);
  const named = namedByConnection(req);
  editFields(req, (name, value) =>
    ends(name, { believed, named }) || isConnectionBound(name, value) ? undefined : value,
  );
  tellOfClient(req, { peer, believed });
}

/** What a name says, whoever sends it: `claim` is for a proxy in front to make, `alias` is one in a spelling it does not know. */
type Meaning = 'framing' | 'never' | 'claim' | 'alias' | 'plain';

function ends(
  name: string,
  { believed, named }: { believed: boolean; named: ReadonlySet<string> | undefined },
): boolean {
  const meaning = meaningOf(name);
  if (meaning === 'framing') return false;
  return meaning === 'never' || meaning === 'alias' || (meaning === 'claim' && !believed) || named?.has(name) === true;
}

/** Clients send few names, the same ones each time; what others make up is soon forgotten. */
const meanings = new Map<string, Meaning>();
const MOST_MEANINGS = 1_000;
const LONGEST_NAME = 64;

function meaningOf(name: string): Meaning {
  const known = meanings.get(name);
  if (known !== undefined) return known;
  const meaning = read(name);
  if (meanings.size >= MOST_MEANINGS) meanings.clear();
  if (name.length <= LONGEST_NAME) meanings.set(name, meaning);
  return meaning;
}

function read(name: string): Meaning {
  if (FRAMING.has(name)) return 'framing';
  const folded = foldName(name);
  if (NEVER_FORWARDED.has(folded)) return 'never';
  if (!TRUST_ONLY.has(folded) && !TRUST_ONLY_PREFIXES.some((prefix) => folded.startsWith(prefix))) return 'plain';
  // `X_Forwarded_For` goes from anyone: a proxy in front removes only the name it knows.
  return folded === name ? 'claim' : 'alias';
}

function namedByConnection(req: IncomingMessage): ReadonlySet<string> | undefined {
  const { connection } = req.headers;
  return connection === undefined
    ? undefined
    : new Set(connection.split(',').map((token) => token.trim().toLowerCase()));
}

/** NTLM and Negotiate authenticate the connection: on a pooled one the next user would be the last (HDR-22). */
function isConnectionBound(name: string, value: string): boolean {
  return name === 'authorization' && /^(?:ntlm|negotiate)(?![A-Za-z0-9!#$%&'*+.^_`|~-])/i.test(value);
}

function tellOfClient(req: IncomingMessage, { peer, believed }: { peer: string; believed: boolean }): void {
  const { headers, socket } = req;
  const before = believed ? headers['x-forwarded-for'] : undefined;
  const said = (name: string): boolean => believed && headers[name] !== undefined;
  if (peer !== '') setField(req, 'X-Forwarded-For', before === undefined ? peer : `${String(before)}, ${peer}`);
  if (peer !== '' && !said('x-real-ip') && before === undefined) setField(req, 'X-Real-IP', peer);
  if (!said('x-forwarded-proto')) {
    setField(req, 'X-Forwarded-Proto', (socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http');
  }
  if (!said('x-forwarded-host') && headers.host !== undefined) setField(req, 'X-Forwarded-Host', headers.host);
  if (!said('x-forwarded-port') && socket.localPort !== undefined) {
    setField(req, 'X-Forwarded-Port', String(socket.localPort));
  }
}

/** A dual-stack listener reports IPv4 peers as `::ffff:a.b.c.d`, link-local ones with a zone. */
function plainAddress(address: string): string {
  if (!address.includes(':')) return address;
  const [bare = ''] = address.split('%');
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare;
}
