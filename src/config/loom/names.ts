/** The spellings that Loom documents for options that have another name here, and Loom's options that are not built. */

export interface Alias {
  readonly from: string;
  /** The name here. With a last part `*`, the children of the mapping move to the block. */
  readonly to: string;
}

/** In this order: a block moves before its own options move. */
export const ALIASES: readonly Alias[] = [
  { from: 'routes[].query_params', to: 'routes[].query' },
  { from: 'routes[].rate_limit.requests_per_second', to: 'routes[].rate_limit.rate' },
  { from: 'upstreams[].connection', to: 'upstreams[].pool' },
  { from: 'upstreams[].pool.max_per_host', to: 'upstreams[].pool.max_open' },
  { from: 'rate_limit.default', to: 'rate_limit.*' },
  { from: 'rate_limit.requests_per_second', to: 'rate_limit.rate' },
  { from: 'rate_limit.tiers[].requests_per_second', to: 'rate_limit.tiers[].rate' },
  { from: 'rate_limit.store.redis', to: 'rate_limit.store.*' },
  { from: 'rate_limit.store', to: 'rate_limit.distributed' },
  {
    from: 'middleware.auth.api_key.keys[].rate_limit.requests_per_second',
    to: 'middleware.auth.api_key.keys[].rate_limit.rate',
  },
  { from: 'logging.access_log', to: 'logging.access' },
  { from: 'metrics.buckets.latency', to: 'metrics.buckets' },
  { from: 'admin.users', to: 'admin.auth.users' },
];

/** A rate alone, in the place of a block with `rate`. */
export const RATES: readonly string[] = ['rate_limit', 'routes[].rate_limit'];

export interface Spelling {
  readonly at: string;
  /** The word here for each of Loom's words. `null` removes the item from its list. */
  readonly words: Readonly<Record<string, string | null>>;
}

const BALANCERS = {
  'round-robin': 'round_robin',
  'least-connections': 'least_conn',
  least_connections: 'least_conn',
  'least-conn': 'least_conn',
  'ip-hash': 'ip_hash',
  'weighted-round-robin': 'weighted',
  weighted_round_robin: 'weighted',
};

/** Headers of a response that Loom writes with placeholders of its own. */
const TEMPLATES = {
  '${limit}': '{{.Limit}}',
  '${remaining}': '{{.Remaining}}',
  '${reset}': '{{.Reset}}',
  '${retry_after}': '{{.RetryAfter}}',
};

export const SPELLINGS: readonly Spelling[] = [
  { at: 'upstreams[].load_balancer', words: BALANCERS },
  { at: 'upstreams[].load_balancing.algorithm', words: BALANCERS },
  {
    // The log writes `time` on each line.
    at: 'logging.access.fields[]',
    words: { timestamp: null, duration: 'duration_ms', latency: 'duration_ms', client_ip: 'client' },
  },
  { at: 'rate_limit.response.headers.*', words: TEMPLATES },
];

/** Keys of limits: Loom also writes `${client_ip}`, `${header:X-API-Key}` and `${jwt:sub}`. */
export const LIMIT_KEYS: readonly string[] = ['rate_limit.key', 'rate_limit.quotas[].key'];

export interface Unbuilt {
  readonly at: string;
  /** An error where the option would narrow who may pass. */
  readonly level: 'error' | 'warning';
  /** What to do instead. */
  readonly message: string;
  /** Values that mean what happens anyway. */
  readonly harmless?: readonly unknown[];
}

const SDK = 'is not read: the OpenTelemetry SDK of the process exports; set';
const warning = (at: string, message: string, harmless?: readonly unknown[]): Unbuilt => ({
  at,
  level: 'warning',
  message,
  ...(harmless && { harmless }),
});
const error = (at: string, message: string, harmless?: readonly unknown[]): Unbuilt => ({
  ...warning(at, message, harmless),
  level: 'error',
});

const BREAKER_OPTIONS = [
  ...['failure_codes', 'exclude_codes', 'half_open_requests', 'window', 'count_timeouts', 'request_timeout'],
  ...['count_connection_errors', 'failure_rate_threshold', 'response', 'fallback', 'webhooks'],
];

const NO_EFFECT = 'is not built and has no effect';

export const UNBUILT: readonly Unbuilt[] = [
  warning('tracing.provider', `${SDK} OTEL_TRACES_EXPORTER`),
  warning('tracing.otlp', `${SDK} OTEL_EXPORTER_OTLP_ENDPOINT`),
  warning('tracing.insecure', `${SDK} OTEL_EXPORTER_OTLP_INSECURE`),
  warning('tracing.batch_timeout', `${SDK} OTEL_BSP_SCHEDULE_DELAY`),
  warning('tracing.sampler', `${SDK} OTEL_TRACES_SAMPLER, or tracing.sample_rate for the spans of Loom`),
  warning('tracing.sampling', `${SDK} OTEL_TRACES_SAMPLER, or tracing.sample_rate for the spans of Loom`),
  warning('tracing.propagation', `${SDK} OTEL_PROPAGATORS`),
  warning('tracing.attributes', `${SDK} OTEL_RESOURCE_ATTRIBUTES`),
  warning('tracing.tags', `${SDK} OTEL_RESOURCE_ATTRIBUTES`),
  warning('tracing.request_attributes', 'is not built: spans have the attributes that docs/operations.md lists'),
  warning('logging.output', 'is not built: the log goes to standard error; redirect it there', ['stderr']),
  warning('logging.file', 'is not built: the log goes to standard error; redirect it there'),
  warning('logging.access.format', 'is not built: logging.format is the format of every line', ['json']),
  warning('metrics.opentelemetry', 'is not built: a collector can read the Prometheus page'),
  warning('metrics.prometheus.port', 'is not built: metrics are read on admin.address'),
  warning('metrics.port', 'is not built: metrics are read on admin.address'),
  warning('metrics.labels', NO_EFFECT),
  warning('metrics.disabled', NO_EFFECT),
  warning('admin.health', 'is not built: /health and /ready of the admin address have no checks of other servers'),
  error('admin.endpoints.*', 'is not built: no page of the admin address can be turned off', [true]),
  warning('admin.endpoints', NO_EFFECT, [{}]),
  warning('listeners[].tls.cipher_suites', 'is not built: only suites with forward secrecy and AEAD are offered', [[]]),
  warning('listeners[].grpc', NO_EFFECT),
  warning('rate_limit.cleanup_interval', 'is not built: a bucket is removed once it is full again'),
  error('rate_limit.algorithm', 'is not built: limits are token buckets; for a window write quotas: {window, limit}', [
    'token_bucket',
    'token-bucket',
  ]),
  warning('upstreams[].bulkhead', 'is not built: pool.max_open limits the connections of an endpoint'),
  warning('upstreams[].service_discovery', 'is not built: only endpoints are used, and dns resolves their names again'),
  warning('upstreams[].consistent_hash', NO_EFFECT),
  warning('upstreams[].circuit_breaker.per_endpoint', 'is not built: each endpoint has a breaker of its own', [true]),
  ...BREAKER_OPTIONS.map((option) => warning(`upstreams[].circuit_breaker.${option}`, NO_EFFECT)),
  warning('routes[].graphql', NO_EFFECT, [false]),
  warning('routes[].ai_gateway', NO_EFFECT, [false]),
  warning('routes[].cache', NO_EFFECT, [false]),
  error('plugins[].routes', 'is not built: name the plugin in routes[].plugins'),
];

/** Fields of Loom's access log that a line does not have. */
export const UNBUILT_FIELDS: readonly string[] = ['upstream', 'cache_status'];
