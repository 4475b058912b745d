/** Upstreams as the plan has them: pure data. */

export interface PlannedEndpoint {
  /** `http://host:port`, `https://host:port` or `unix:/path`; no path of a request, no user. */
  readonly url: string;
  readonly weight: number;
}

export type Balancer = 'round_robin' | 'weighted' | 'least_conn' | 'random' | 'ip_hash';

/** The HTTP client that forwards requests. Upgrades do not use it. */
export type EngineName = 'http-proxy-middleware' | 'undici';

export interface PlannedRetry {
  /** Attempts after the first; 0: none. */
  readonly maxRetries: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Statuses of the upstream, or of ours in its place, that are worth another attempt. */
  readonly codes: readonly number[];
}

export interface PlannedUpstream {
  readonly name: string;
  readonly endpoints: readonly PlannedEndpoint[];
  readonly balancer: Balancer;
  /** Absent: http-proxy-middleware. */
  readonly engine?: EngineName;
  readonly healthCheck?: {
    readonly path: string;
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly healthyThreshold: number;
    readonly unhealthyThreshold: number;
    readonly expectedStatus: readonly number[];
  };
  readonly circuitBreaker?: {
    /** In a row. */
    readonly failureThreshold: number;
    readonly successThreshold: number;
    /** From open to half open. */
    readonly timeoutMs: number;
  };
  readonly retry?: PlannedRetry;
  /** Absent: a name is resolved when a connection opens. */
  readonly dns?: {
    /** From one resolution of a name to the next. */
    readonly refreshMs: number;
    /** Name servers; absent: the resolver of the system. */
    readonly servers?: readonly string[];
  };
  readonly connectTimeoutMs: number;
  /** Of one attempt, to the response head and between two bytes; absent: the route's alone counts. */
  readonly readTimeoutMs?: number;
  /** While the upstream takes nothing of a body; absent: the route's. */
  readonly writeTimeoutMs?: number;
  /** While an event stream or an upgraded socket is silent; absent: for ever. */
  readonly silenceTimeoutMs?: number;
  /** Idle keep-alive sockets per endpoint, and sockets at all. */
  readonly maxIdle: number;
  readonly maxOpen: number;
  readonly idleTimeoutMs: number;
  /** The age at which a connection takes no further request; absent: none. */
  readonly maxLifetimeMs?: number;
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    /** A secret: non-enumerable, as `options` of a method are. */
    readonly key?: string;
    readonly insecureSkipVerify: boolean;
  };
}
