/** The metrics that Loom's own gateway documents, and the expression of Prometheus that answers the same question here. */

/**
 * `loom`: the names of Loom's own gateway. `here`: an expression; absent: there is no such number. `note`: what differs,
 * or why there is none.
 */
export const LOOM_METRICS = [
  {
    loom: ['loom_requests_total'],
    here: 'sum by (route, code) (loom_request_seconds_count)',
    note: '`status` is `code`; there is no label for the HTTP method',
  },
  {
    loom: ['loom_request_duration_seconds'],
    here: 'sum by (le, route) (rate(loom_request_seconds_bucket[5m]))',
    note: '`metrics.prometheus.buckets` sets the bounds',
  },
  { loom: ['loom_request_size_bytes', 'loom_response_size_bytes'], note: 'bodies are not measured' },
  {
    loom: ['loom_requests_in_flight', 'loom_active_connections'],
    note: 'only upgraded sockets are: `loom_live_sockets`',
  },
  {
    loom: ['loom_upstream_requests_total'],
    here: 'sum by (route, code) (loom_request_seconds_count)',
    note: 'requests have their route as label, and not their endpoint',
  },
  { loom: ['loom_upstream_errors_total'], here: 'sum by (upstream, endpoint, code) (loom_upstream_failures_total)' },
  {
    loom: ['loom_upstream_duration_seconds'],
    here: 'sum by (route) (rate(loom_request_seconds_sum[5m])) - sum by (route) (rate(loom_verdict_seconds_sum[5m]))',
    note: 'the whole request without its verdict, for each route',
  },
  { loom: ['loom_upstream_connections_active', 'loom_upstream_connections_idle'], note: 'connections are not counted' },
  { loom: ['loom_upstream_health'], here: 'loom_upstream_up', note: 'an open circuit breaker is 0 too' },
  { loom: ['loom_circuit_breaker_state'], here: 'loom_upstream_breaker', note: 'one breaker for each endpoint' },
  {
    loom: ['loom_circuit_breaker_trips_total', 'loom_circuit_breaker_transitions_total'],
    here: 'changes(loom_upstream_breaker[5m])',
  },
  {
    loom: ['loom_circuit_breaker_failures_total'],
    here: 'sum by (upstream, endpoint) (loom_upstream_failures_total)',
  },
  {
    loom: ['loom_circuit_breaker_successes_total', 'loom_circuit_breaker_blocked_total'],
    note: 'a request that no endpoint takes is 503 in `loom_request_seconds_count`',
  },
  {
    loom: ['loom_rate_limit_requests_total', 'loom_ratelimit_requests_total', 'loom_ratelimit_rejections_total'],
    here: 'sum by (scope, outcome) (loom_rate_limit_decisions_total)',
    note: '`status` is `outcome`, and a refused request is `limited`',
  },
  {
    loom: ['loom_rate_limit_current', 'loom_rate_limit_keys_active', 'loom_ratelimit_tokens'],
    note: 'their label is a value that a client chooses',
  },
  {
    loom: ['loom_plugin_duration_seconds'],
    here: 'sum by (le, plugin) (rate(loom_plugin_seconds_bucket[5m]))',
    note: 'all phases of one request together',
  },
  { loom: ['loom_plugin_invocations_total'], here: 'sum by (plugin, outcome) (loom_plugin_outcomes_total)' },
  {
    loom: ['loom_plugin_errors_total'],
    here: 'sum by (plugin) (loom_plugin_outcomes_total{outcome="unavailable"})',
    note: 'the log has the error',
  },
  { loom: ['loom_config_reload_total'], here: 'sum by (outcome) (loom_config_reloads_total)' },
  { loom: ['loom_config_last_reload_timestamp'], here: 'loom_config_last_reload_timestamp_seconds' },
  { loom: ['loom_uptime_seconds'], here: 'time() - process_start_time_seconds' },
  { loom: ['loom_info'], here: 'nodejs_version_info', note: 'the version of Node; `/status` has that of the package' },
  {
    loom: [
      'loom_cache_*',
      'loom_graphql_*',
      'loom_ai_*',
      'loom_tenant_*',
      'loom_chaos_*',
      'loom_ebpf_*',
      'loom_canary_*',
    ],
    note: 'these features are not included',
  },
];
