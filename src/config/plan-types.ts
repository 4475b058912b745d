/** The plan: everything a file means, as pure data. What the gateway runs is compiled from nothing else. */
import type { Place } from '../auth/credentials.js';
import type { Rate } from '../auth/identity.js';
import type { HeaderRule } from '../auth/header-rule.js';
import type { MethodTraits } from '../auth/method-traits.js';
import type { Requirement } from '../auth/requirement.js';
import type { LimitKeyPart } from '../limit/keys.js';
import type { RedisOptions } from '../redis/client.js';
import type { Diagnostic } from './diagnostics.js';
import type {
  PlannedAdmin,
  PlannedLogging,
  PlannedMetrics,
  PlannedShutdown,
  PlannedTracing,
} from './operations-types.js';
import type { Pattern } from './pattern.js';
import type { PlannedRetry, PlannedUpstream } from './upstream-types.js';

export type {
  AdminAuth,
  PlannedAdmin,
  PlannedLogging,
  PlannedMetrics,
  PlannedShutdown,
  PlannedTracing,
} from './operations-types.js';
export type { Balancer, PlannedEndpoint, PlannedRetry, PlannedUpstream } from './upstream-types.js';

/** One authentication method of the file. */
export interface PlannedMethod extends MethodTraits {
  readonly name: string;
  /** The registry entry that compiles it (`jwt`, `api_key`, …), or `strategy` for one of the host's. */
  readonly type: string;
  /** The parsed block. Holds secrets: a non-enumerable property, so that printing a plan never shows it. */
  readonly options: unknown;
  readonly places: readonly Place[];
  readonly headers: readonly HeaderRule[];
  readonly forwardsCredential: boolean;
  readonly limitsIdentities: boolean;
  readonly longestCredentialBytes?: number;
}

/** `*` present, `^…$` a regular expression, otherwise exact. */
export interface FieldMatch {
  readonly name: string;
  readonly kind: 'exact' | 'regex' | 'present';
  readonly value: string;
}

export interface PlannedRoute {
  readonly id: string;
  /** Lower case, without port: `api.example.com` or `*.example.com`. */
  readonly host?: string;
  /** The path as written in the file. */
  readonly path: string;
  readonly pattern: Pattern;
  /** Upper case; GET covers HEAD. Absent: all but TRACE and CONNECT. */
  readonly methods?: readonly string[];
  readonly headers: readonly FieldMatch[];
  readonly query: readonly FieldMatch[];
  readonly priority: number;
  readonly requirement: Requirement;
  /** The file says so on purpose (`auth: none`), for an open route. */
  readonly declaredOpen: boolean;
  /** Only plugins of `routes[].plugins` guard the route: they filter, and need not ask who calls. */
  readonly filtered?: boolean;
  /** Absent: as middleware, `next()` after admission. */
  readonly upstream?: string;
  readonly timeoutMs: number;
  readonly stripPrefix: boolean;
  readonly addPrefix?: string;
  readonly rewritePath?: string;
  readonly allowEncodedSlash: boolean;
  readonly allowedOrigins: readonly string[];
  readonly preserveHost: boolean;
  readonly overlap?: true;
  /** For sockets of identities that do not expire. */
  readonly maxSessionMs: number;
  readonly rateLimit?: Rate;
  /** In place of the upstream's. */
  readonly retry?: PlannedRetry;
}

/** An entry of `opens`. */
export interface PlannedOpening {
  /** As written in the file. */
  readonly text: string;
  /** Lower case. Absent: the path on every host. */
  readonly host?: string;
  readonly pattern: Pattern;
}

export type ClientAuth = 'none' | 'request' | 'require' | 'verify';

export interface PlannedTls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly clientAuth: ClientAuth;
  readonly caFile?: string;
  readonly crlFile?: string;
  /** The bytes of these files as the plan's own reading found them; a text says why there are none. Holds a key: a non-enumerable property. */
  readonly files?: ReadonlyMap<string, Uint8Array | string>;
  /** claim: subject | issuer | serial | fingerprint. */
  readonly clientCertHeaders: readonly HeaderRule[];
}

export interface PlannedListener {
  readonly name: string;
  /** Absent: every address, or a Unix socket. */
  readonly host?: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  /** The Unix socket. */
  readonly unix?: { readonly path: string; readonly mode: number };
  /** Who must announce the client with the PROXY protocol. Absent: no peer may. */
  readonly proxyProtocol?: { readonly from: readonly string[] };
  readonly protocol: 'http' | 'https';
  readonly tls?: PlannedTls;
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxHeaderBytes: number;
}

/** Who has another rate than the rest. */
export interface PlannedTier {
  readonly name: string;
  readonly match:
    | { readonly kind: 'header'; readonly name: string; readonly value: string }
    | { readonly kind: 'claim'; readonly path: string; readonly value: string };
  readonly rate: Rate;
}

export interface PlannedQuota {
  readonly name: string;
  readonly key: readonly LimitKeyPart[];
  readonly rate: Rate & { readonly fixed: true };
}

export interface PlannedExemptions {
  /** CIDR blocks. */
  readonly addresses: readonly string[];
  readonly paths: readonly Pattern[];
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

export interface PlannedRateLimit {
  /** Absent: quotas alone. */
  readonly rate?: Rate;
  readonly key: readonly LimitKeyPart[];
  /** The first that matches counts. */
  readonly tiers: readonly PlannedTier[];
  readonly quotas: readonly PlannedQuota[];
  readonly exemptions: PlannedExemptions;
  /** Absent: each instance counts for itself. */
  readonly distributed?: {
    readonly redis: RedisOptions;
    readonly onStoreError: 'local' | 'deny' | 'allow';
  };
  /** In place of the usual 429. */
  readonly response?: {
    readonly status: number;
    readonly headers: readonly (readonly [name: string, value: string])[];
    readonly body: string;
  };
}

/** What answers say to pages of other origins (the Fetch standard's CORS protocol). */
export interface PlannedCors {
  /** As written; `parseOrigin` reads them. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposedHeaders: readonly string[];
  readonly credentials: boolean;
  /** Absent: the browser decides how long it remembers a preflight. */
  readonly maxAgeSeconds?: number;
}

export interface PlannedClientIpHeader {
  readonly name: string;
  /** CIDR blocks, as the file writes them. */
  readonly from: readonly string[];
}

/**
 * What a file means, as data. Members may be added in any version.
 *
 * @example
 * import { loom } from 'loom-auth';
 *
 * const { routes } = loom('loom.yaml').plan;
 * console.log(routes.map(({ id, path }) => `${id} ${path}`));
 */
export interface Plan {
  /** The file, as the caller named it. */
  readonly file: string;
  /** The auth methods that routes can require. */
  readonly methods: readonly PlannedMethod[];
  /** The routes, in the order of the file. */
  readonly routes: readonly PlannedRoute[];
  /** The requirement for requests without a route, as middleware; absent: they pass with `req.auth = null`. */
  readonly unmatched?: Requirement;
  /** The servers that requests are forwarded to. */
  readonly upstreams: readonly PlannedUpstream[];
  /** The addresses of the gateway. */
  readonly listeners: readonly PlannedListener[];
  /** The global limit; absent: none. */
  readonly rateLimit?: PlannedRateLimit;
  /** Absent: responses have no CORS headers, and a preflight is an ordinary request. */
  readonly cors?: PlannedCors;
  /** The log. */
  readonly logging: PlannedLogging;
  /** The admin address; absent: none. */
  readonly admin?: PlannedAdmin;
  /** The path for health checks on every listener; absent: none. */
  readonly health?: { readonly path: string };
  /** How long a stop of the gateway takes. */
  readonly shutdown: PlannedShutdown;
  /** Absent: no metrics. */
  readonly metrics?: PlannedMetrics;
  /** Absent: no spans. */
  readonly tracing?: PlannedTracing;
  /** Guarded paths that a reload may open. Absent: none. */
  readonly opens?: readonly PlannedOpening[];
  /** Every header that an auth method, route, certificate or plugin can set, as the file spells it. */
  readonly identityHeaders: readonly string[];
  /** CIDR blocks, as the file writes them, and `unix`. */
  readonly trustedProxies: readonly string[];
  /** The header in which a CDN sends the client address. Absent: no header is read. */
  readonly clientIpHeader?: PlannedClientIpHeader;
  /** Identity headers of other products that a trusted proxy may send. */
  readonly trustedHeaders: readonly string[];
  /** Largest number of segments of a request path; a path with more is answered 400. */
  readonly maxPathSegments: number;
  /** The absolute path of a file that is evaluated on copies of the requests. */
  readonly shadow?: string;
  /** The warnings about the file. */
  readonly warnings: readonly Diagnostic[];
}
