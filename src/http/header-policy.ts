/** The header policy: a table of the headers with a special meaning, and the queries of the gateway on it. */

/** Whether a header of a request is forwarded to an upstream. */
export type Passage =
  /** The header is forwarded unchanged. */
  | 'always'
  /** The header is removed, from any peer. */
  | 'never'
  /** The header is forwarded from a trusted proxy, in its own spelling. */
  | 'from_proxies'
  /** The header is forwarded from a trusted proxy if `trusted_headers` contains it. */
  | 'where_named';

/** Which part of the configuration may set a header. `certificate` means `client_cert_headers` only. */
export type Setters = 'none' | 'certificate' | 'any';

export interface Family {
  readonly family: string;
  /** The names in the form that `foldName` returns. */
  readonly names: readonly string[];
  /** A name with one of these prefixes belongs to the family, unless another entry of the table matches better. */
  readonly prefixes: readonly string[];
  readonly passage: Passage;
  readonly setBy: Setters;
  /** Whether an auth method may read its credential from the header. */
  readonly credential: boolean;
  /** Each hop writes the header itself, from the message or the connection that it creates. */
  readonly perHop: boolean;
  /** Another spelling of the header is 400: an upstream that reads `_` as `-` would read it as this header. */
  readonly oneSpelling: boolean;
  /** `Connection` may not name the header: without the header the message has another meaning. */
  readonly unnamable: boolean;
}

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '');

type Rules = Pick<Family, 'passage'> & Partial<Omit<Family, 'family' | 'names' | 'prefixes'>>;

const PLAIN = { setBy: 'none', credential: false, perHop: false, oneSpelling: false, unnamable: false } as const;

/** Entries that end with `*` are prefixes. */
function family(name: string, rules: Rules, text: string): Family {
  const entries = words(text);
  const names = entries.filter((each) => !each.endsWith('*'));
  const prefixes = entries.filter((each) => each.endsWith('*')).map((each) => each.slice(0, -1));
  return { family: name, names, prefixes, ...PLAIN, ...rules };
}

export const FAMILIES: readonly Family[] = [
  // Never edited: without these headers Node sends the body raw, and the upstream reads it as a second request.
  family(
    'framing',
    { passage: 'always', perHop: true, oneSpelling: true, unnamable: true },
    'host content-length transfer-encoding',
  ),
  family('connection', { passage: 'never', perHop: true, oneSpelling: true }, 'connection trailer upgrade expect'),
  // The headers of RFC 9110 §7.6.1, and older names in use.
  family(
    'hop by hop',
    { passage: 'never', perHop: true },
    'keep-alive proxy-connection te proxy-authenticate proxy-authentication-info http2-settings',
  ),
  family('proxy credential', { passage: 'never', perHop: true, credential: true }, 'proxy-authorization'),
  family('credential', { passage: 'always', credential: true, unnamable: true }, 'authorization'),
  family(
    'state and handshake',
    { passage: 'always', unnamable: true },
    'cookie sec-websocket-protocol sec-websocket-key sec-websocket-version',
  ),
  family(
    'description of the message',
    { passage: 'always' },
    `via date range origin set-cookie cookie2 www-authenticate accept cache-control pragma max-forwards referer
     user-agent content-* accept-* if-* sec-* access-control-* proxy-*`,
  ),
  // These headers make an upstream serve another path, HTTP method or file than Loom checked.
  family(
    'rewriting',
    { passage: 'never' },
    `x-original-url x-original-uri x-original-path x-original-query x-original-args x-original-method
     x-original-request-uri x-original-request-method x-rewrite-url x-rewrite-uri x-rewrite-path x-rewrite-query
     x-replaced-path x-override-url x-override-uri x-override-path x-override-method x-proxy-url proxy-url
     x-waws-unencoded-url unencoded-url base-url http-url url uri request-uri x-request-uri document-uri
     x-http-destinationurl x-http-destination-url x-http-method-override x-http-method x-method-override
     x-http-path-override proxy x-envoy-original-path x-envoy-original-method x-envoy-original-dst-host
     x-middleware-* x-matched-path x-now-route-matches x-invoke-* x-sendfile-type x-accel-*
     script-name x-script-name path-info x-path-info`,
  ),
  // `constructor` and similar names: read from a plain object, they are not fields of the request.
  family(
    'member of every object',
    { passage: 'never' },
    Object.getOwnPropertyNames(Object.prototype).map(foldName).join(' '),
  ),
  // Information about the client, its address and the requested site. Only a proxy may send these headers.
  family(
    'client',
    { passage: 'from_proxies' },
    `forwarded x-forwarded forwarded-for forwarded-host forwarded-proto x-forward-for x-forwarder-for x-original-for
     x-original-forwarded-for x-original-host x-original-proto x-original-scheme x-original-port x-original-remote-addr
     x-forwarded-for x-forwarded-for-* x-forwarded-host x-forwarded-host-* x-forwarded-proto x-forwarded-proto-*
     x-forwarded-protocol x-forwarded-port x-forwarded-port-* x-forwarded-prefix x-forwarded-uri x-forwarded-url
     x-forwarded-path x-forwarded-method x-forwarded-server x-forwarded-ssl x-forwarded-ssl-* x-forwarded-scheme
     x-forwarded-https x-forwarded-by x-forwarded-ip x-forwarded-client-ip x-forwarded-remote-addr x-forwarded-original-*
     x-real-ip real-ip x-real-port x-client-ip client-ip x-cluster-client-ip x-remote-ip x-remote-addr x-remote-host
     remote-addr remote-host x-originating-ip x-custom-ip-authorization x-host x-host-override x-http-host-override
     proxy-host disguised-host was-default-hostname true-client-ip x-true-client-ip x-true-ip
     cf-connecting-ip cf-connecting-ipv6 cf-connecting-o2o cf-pseudo-ipv4 cf-visitor cf-ipcountry cf-worker
     fastly-client-ip fastly-ssl fly-client-ip proxy-client-ip wl-proxy-* do-connecting-ip cloudfront-*
     x-nf-client-connection-ip x-proxyuser-ip x-azure-clientip x-azure-socketip x-azure-fdid l5d-remote-ip
     x-scheme x-url-scheme front-end-https x-arr-ssl x-envoy-* x-appengine-* x-appengine-user-ip x-vercel-*
     iv-remote-address -wsra -wsrh -wssc -wssn -wssp -wsis -wspr`,
  ),
  // A whole certificate, or a record of a certificate. No claim has this form.
  family(
    'certificate',
    { passage: 'from_proxies', credential: true },
    `x-forwarded-client-cert x-forwarded-client-cert-* x-forwarded-tls-* client-cert client-cert-chain x-client-cert
     x-arr-clientcert wl-proxy-client-cert ssl-client-cert ssl-client-raw-cert x-ssl-cert x-ssl-client-cert -wscc`,
  ),
  // One field of a certificate that a proxy verified, with names from nginx, HAProxy and load balancers.
  family(
    'field of a certificate',
    { passage: 'from_proxies', setBy: 'certificate', credential: true },
    `x-ssl-* ssl-client-* x-tls-client-* tls-client-* x-client-cert-* x-client-verify x-client-dn x-amzn-mtls-*
     cf-client-cert-*`,
  ),
  // The user identity that other products send to a backend. A client with such a header could impersonate any user.
  family(
    'identity of another product',
    { passage: 'where_named', setBy: 'any', credential: true },
    `x-forwarded-* x-auth-request-* x-auth-user* x-auth-email x-auth-name x-auth-subject x-auth-group* x-auth-role*
     x-authenticated x-authenticated-* authenticated-user auth-user* auth-type logon-user
     remote-user* remote-group* remote-email remote-name remote-role* remote-ident
     x-remote-user* x-remote-group* x-remote-email x-remote-name x-remote-role* x-remote-extra-*
     x-webauth-* x-proxy-user* x-proxy-role* x-proxy-group* x-proxy-remote-* x-trusted-user* x-sso-* x-saml-*
     x-goog-authenticated-* x-goog-iap-* x-endpoint-api-userinfo x-appengine-user-* x-appengine-auth-domain
     x-appengine-inbound-appid x-amzn-oidc-* x-amzn-ava-* x-amzn-request-context x-amzn-lambda-context x-apigateway-*
     cf-access-* x-ms-client-principal* x-ms-token-* x-consumer-* x-credential-* x-anonymous-consumer x-userinfo
     x-authentik-* x-authelia-* x-pomerium-* x-vouch-* x-token-user-* x-token-subject x-jwt-assertion x-jwt-payload
     x-jwt-claim* tailscale-* x-tailscale-* teleport-* x-spiffe-* l5d-client-id x-replit-user-* x-identity-status
     impersonate-* es-security-runas-user shib-* x-shib-* eppn oidc-* x-oidc-* mellon-* smuser sm-user*
     sm-universalid iv-user* iv-groups iv-creds oam-* osso-user* -wsru -wsat`,
  ),
];

/** CGI, WSGI and PHP read `X_User.ID` as `X-User-ID`. Every character except letters and digits becomes `-`. */
export function foldName(name: string): string {
  return /[^a-z0-9-]/.test(name) ? name.toLowerCase().replace(/[^a-z0-9]/g, '-') : name;
}

const BY_NAME = new Map(FAMILIES.flatMap((each) => each.names.map((name) => [name, each] as const)));
/** The longest prefix is first, because it matches best. */
const BY_PREFIX = FAMILIES.flatMap((each) => each.prefixes.map((prefix) => [prefix, each] as const)).sort(
  ([a], [b]) => b.length - a.length,
);

/** Caches names, because clients send the same few names on each request. The cache is cleared when it is full. */
const known = new Map<string, Family | null>();
const MOST_KNOWN = 1_000;
const LONGEST_NAME = 64;

/** Returns the family of a header in any spelling, or undefined for a header without a special meaning. */
export function familyOf(name: string): Family | undefined {
  const remembered = known.get(name);
  if (remembered !== undefined) return remembered ?? undefined;
  const folded = foldName(name);
  const found = BY_NAME.get(folded) ?? BY_PREFIX.find(([prefix]) => folded.startsWith(prefix))?.[1];
  if (known.size >= MOST_KNOWN) known.clear();
  if (name.length <= LONGEST_NAME) known.set(name, found ?? null);
  return found;
}

/** The sender of a request: a trusted proxy or not, and the `trusted_headers` of the configuration. */
export interface Sender {
  readonly believed: boolean;
  readonly trustedHeaders: TrustedHeaders;
}

/** The `trusted_headers` of a configuration. */
export class TrustedHeaders {
  readonly #names: ReadonlySet<string>;
  readonly #folded: ReadonlySet<string>;

  constructor(names: readonly string[]) {
    this.#names = new Set(names.map((name) => name.toLowerCase()));
    this.#folded = new Set(names.map(foldName));
  }

  /**
   * Whether the list has the name in the same spelling, in any letter case. A proxy in front of Loom removes only the
   * exact name.
   */
  holds(name: string): boolean {
    return this.#names.has(name);
  }

  holdsAlike(name: string): boolean {
    return this.#folded.size > 0 && this.#folded.has(foldName(name));
  }
}

/**
 * Whether the header passes only through `trusted_headers`. It is an identity header of another product, or its name is
 * in that list.
 */
export function isOthersIdentity(name: string, { trustedHeaders }: Sender): boolean {
  return familyOf(name)?.passage === 'where_named' || trustedHeaders.holdsAlike(name);
}

/** Whether a header of a request is forwarded to an upstream. `name` is in lower case. */
export function goesOn(name: string, sender: Sender): boolean {
  const passage = familyOf(name)?.passage ?? 'always';
  if (passage === 'where_named' || sender.trustedHeaders.holdsAlike(name))
    return sender.believed && sender.trustedHeaders.holds(name);
  // `X_Forwarded_For` is removed from any peer: a proxy in front of Loom removes only the exact name.
  return passage === 'always' || (passage === 'from_proxies' && sender.believed && foldName(name) === name);
}

/** Whether a header is forwarded only because a trusted proxy sent it. */
export function isOfProxy(name: string, sender: Sender): boolean {
  return goesOn(name, sender) && !goesOn(name, { ...sender, believed: false });
}

/** Whether `claims_to_headers`, a plugin (`any`) or `client_cert_headers` (`certificate`) may set the header. */
export function maySet(name: string, setter: Exclude<Setters, 'none'>): boolean {
  const { setBy = 'any' } = familyOf(name) ?? {};
  return setBy === 'any' || setBy === setter;
}

/**
 * Whether an auth method may read its credential from the header. The header is emptied before a request is forwarded.
 */
export function mayCarryCredential(name: string): boolean {
  return familyOf(name)?.credential ?? true;
}

/** Whether each hop writes the header itself. No configuration, plugin or other hop may set it. */
export function isPerHop(name: string): boolean {
  return familyOf(name)?.perHop ?? false;
}

/** The names of the per-hop headers, without the framing headers. */
export const HOP_BY_HOP: readonly string[] = FAMILIES.flatMap((each) =>
  each.perHop && each.passage === 'never' ? each.names : [],
);
