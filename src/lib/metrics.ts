/** The metrics that every layer counts and times, with closed sets of names and labels. */

interface Kind {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, in seconds. */
  readonly buckets?: readonly number[];
  /** How the values of several processes are combined. Default: their sum. */
  readonly together?: 'min' | 'max';
}

/** A verdict from a cache takes microseconds. A verdict that needs a request to an issuer takes seconds. */
const OF_VERDICTS = [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, 0.025, 0.1, 0.5, 2.5, 10];
const OF_REQUESTS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Every metric. The value of a label is a name of the file or of a closed set. It is never a subject, an address, a
 * path or another value that a client chooses. Times are in seconds.
 */
export const METRICS = {
  loom_decisions_total: {
    type: 'counter',
    help: 'Requests and upgrades judged.',
    labels: ['route', 'method', 'outcome', 'reason'],
  },
  loom_verdict_seconds: {
    type: 'histogram',
    help: 'Time from a request to its verdict.',
    labels: ['route'],
    buckets: OF_VERDICTS,
  },
  loom_request_seconds: {
    type: 'histogram',
    help: 'Time from a request to the end of its answer.',
    labels: ['route', 'code'],
    buckets: OF_REQUESTS,
  },
  loom_jwks_keys: { type: 'gauge', help: 'Keys in the set of an issuer.', labels: ['issuer'], together: 'max' },
  loom_jwks_loaded_timestamp_seconds: {
    type: 'gauge',
    help: 'When the key set of an issuer was loaded last, in Unix seconds.',
    labels: ['issuer'],
    together: 'min',
  },
  loom_jwks_loads_total: { type: 'counter', help: 'Loads of key sets.', labels: ['issuer', 'outcome'] },
  loom_introspections_total: {
    type: 'counter',
    help: 'Tokens looked up: in the cache, in the shared cache, or at the issuer.',
    labels: ['method', 'outcome'],
  },
  loom_introspection_seconds: {
    type: 'histogram',
    help: 'Time of a call to an issuer.',
    labels: ['method'],
    buckets: OF_REQUESTS,
  },
  loom_key_lookups_total: {
    type: 'counter',
    help: 'API keys looked up: in the cache, or in the key store.',
    labels: ['outcome'],
  },
  loom_key_store_up: { type: 'gauge', help: '1 while the key store answers.', labels: [], together: 'min' },
  loom_key_notices_up: {
    type: 'gauge',
    help: '1 while notices of changed keys arrive. Otherwise a cached key counts for one second.',
    labels: [],
    together: 'min',
  },
  loom_key_records_refused_total: {
    type: 'counter',
    help: 'Records of the key store that are malformed, or have the name of a key of the file.',
    labels: ['cause'],
  },
  loom_bcrypt_waiting: { type: 'gauge', help: 'Password comparisons that run or wait.', labels: [] },
  loom_bcrypt_limit: { type: 'gauge', help: 'Password comparisons that may run or wait at once.', labels: [] },
  loom_rate_limit_decisions_total: {
    type: 'counter',
    help: 'Requests counted against a limit.',
    labels: ['scope', 'outcome'],
  },
  loom_rate_limit_store_up: { type: 'gauge', help: '1 while the shared store answers.', labels: [], together: 'min' },
  loom_rate_limit_store_errors_total: {
    type: 'counter',
    help: 'Questions that the shared store did not answer in time or rightly.',
    labels: ['reason'],
  },
  loom_throttled_total: { type: 'counter', help: 'Attempts refused before their method ran.', labels: ['method'] },
  loom_plugin_seconds: { type: 'histogram', help: 'Time in a plugin.', labels: ['plugin'], buckets: OF_VERDICTS },
  loom_plugin_outcomes_total: { type: 'counter', help: 'What plugins answered.', labels: ['plugin', 'outcome'] },
  loom_plugin_ending_threads: {
    type: 'gauge',
    help: 'Threads of a plugin that are ending and still run.',
    labels: ['plugin'],
  },
  loom_upstream_up: {
    type: 'gauge',
    help: '1 while an endpoint takes requests at one of its addresses, 0 while health or breakers keep all of them out.',
    labels: ['upstream', 'endpoint'],
    together: 'min',
  },
  loom_upstream_breaker: {
    type: 'gauge',
    help: 'Circuit breaker of an endpoint: 0 closed, 1 half open, 2 open. Of several addresses, the highest value.',
    labels: ['upstream', 'endpoint'],
    together: 'max',
  },
  loom_upstream_failures_total: {
    type: 'counter',
    help: 'Requests that an endpoint did not answer.',
    labels: ['upstream', 'endpoint', 'code'],
  },
  loom_upstream_health_checks_total: {
    type: 'counter',
    help: 'Health checks of endpoints.',
    labels: ['upstream', 'endpoint', 'outcome'],
  },
  loom_upstream_addresses: {
    type: 'gauge',
    help: 'Addresses that the name of an endpoint has.',
    labels: ['upstream', 'endpoint'],
    together: 'max',
  },
  loom_upstream_resolutions_total: {
    type: 'counter',
    help: 'Resolutions of the names of endpoints.',
    labels: ['upstream', 'endpoint', 'outcome'],
  },
  loom_upstream_retries_total: { type: 'counter', help: 'Requests sent once more.', labels: ['upstream'] },
  loom_config_generation: {
    type: 'gauge',
    help: 'How many configurations have been in use.',
    labels: [],
    together: 'min',
  },
  loom_config_reloads_total: { type: 'counter', help: 'Reloads.', labels: ['outcome'] },
  loom_config_last_reload_timestamp_seconds: {
    type: 'gauge',
    help: 'When the configuration in use was loaded, in Unix seconds.',
    labels: [],
    together: 'min',
  },
  loom_config_last_reload_success: {
    type: 'gauge',
    help: '1 where the last reload was taken.',
    labels: [],
    together: 'min',
  },
  loom_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    help: "When a listener's certificate expires, in Unix seconds.",
    labels: ['listener'],
    together: 'min',
  },
  loom_crl_expiry_timestamp_seconds: {
    type: 'gauge',
    help: 'When the first certificate revocation list of a listener expires, in Unix seconds.',
    labels: ['listener'],
    together: 'min',
  },
  loom_crl_faults: {
    type: 'gauge',
    help: 'Faults of the revocation lists of a listener, each of which makes TLS refuse clients.',
    labels: ['listener'],
    together: 'max',
  },
  loom_client_tls_faults_total: {
    type: 'counter',
    help: 'TLS handshakes that were refused, and client certificates that were not trusted, by the cause of OpenSSL.',
    labels: ['listener', 'cause'],
  },
  loom_proxy_protocol_faults_total: {
    type: 'counter',
    help: 'Connections of a balancer that were closed, because they had no valid PROXY header.',
    labels: ['listener', 'cause'],
  },
  loom_accept_wait_seconds: {
    type: 'gauge',
    help: 'Longest time that a new connection can have waited to be accepted since the last scrape.',
    labels: [],
    together: 'max',
  },
  loom_shadow_active: {
    type: 'gauge',
    help: '1 while a shadow file is evaluated, 0 while it is rejected. No series without a shadow file.',
    labels: [],
    together: 'min',
  },
  loom_shadow_requests_total: {
    type: 'counter',
    help: 'Requests by the comparison with the shadow file: same, different, not_evaluated, or dropped while busy.',
    labels: ['outcome'],
  },
  loom_shadow_differences_total: {
    type: 'counter',
    help: 'Requests that the shadow file decides otherwise, by both outcomes. The reason is that of the shadow file.',
    labels: ['from', 'to', 'reason'],
  },
  loom_live_sockets: { type: 'gauge', help: 'Upgraded sockets that are open.', labels: [] },
} as const satisfies Readonly<Record<string, Kind>>;

/** The route label of a request without a route: it was refused earlier, or the code of the host guards it. */
export const NO_ROUTE = '(no route)';

export type MetricName = keyof typeof METRICS;

type Of<Type extends Kind['type']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never;
}[MetricName];

export type Labels<Name extends MetricName> = Readonly<Record<(typeof METRICS)[Name]['labels'][number], string>>;

/** Receives the numbers. Never throws. `loom_x` names the metric, and every label has a value. */
export interface Metrics {
  /** Adds to a counter. Default of `by`: 1. */
  count<Name extends Of<'counter'>>(name: Name, labels: Labels<Name>, by?: number): void;
  /** Sets a gauge. */
  gauge<Name extends Of<'gauge'>>(name: Name, labels: Labels<Name>, value: number): void;
  /** Adds a time to a histogram. */
  time<Name extends Of<'histogram'>>(name: Name, labels: Labels<Name>, seconds: number): void;
}
