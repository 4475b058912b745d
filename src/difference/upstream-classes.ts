/** The class of changes of each member of a planned upstream. */
import { content, secret, time, type Leaf, type Members } from '../lib/change-classes.js';
import type { PlannedEndpoint, PlannedRetry, PlannedUpstream } from '../config/plan-types.js';

const UPSTREAM: Leaf = { in: 'upstreams' };
const named = (as: string, fallback?: unknown): Leaf => ({
  ...UPSTREAM,
  as,
  ...(fallback !== undefined && { default: fallback }),
});
/** A duration that decides when an upstream is used, not how long a request may take. */
const duration = (as: string): Leaf => ({ ...time(as), in: 'upstreams' });

export const RETRY: Members<PlannedRetry> = {
  members: {
    maxRetries: UPSTREAM,
    backoffBaseMs: duration('backoff_base'),
    backoffMaxMs: duration('backoff_max'),
    codes: { ...named('retryable_codes'), unordered: true },
  },
};

export const UPSTREAM_CLASSES: Members<PlannedUpstream> = {
  members: {
    name: { by: 'the name of the item' },
    endpoints: {
      in: 'upstreams',
      name: ({ url }: PlannedEndpoint) => url,
      items: { members: { url: { by: 'the name of the item' }, weight: named('weight', 1) } },
    },
    balancer: named('load_balancer', 'round_robin'),
    engine: { ...named('engine'), as: 'proxy.engine' },
    healthCheck: {
      as: 'health_check',
      members: {
        path: UPSTREAM,
        intervalMs: duration('interval'),
        timeoutMs: duration('timeout'),
        healthyThreshold: UPSTREAM,
        unhealthyThreshold: UPSTREAM,
        expectedStatus: { ...UPSTREAM, unordered: true },
      },
    },
    circuitBreaker: {
      as: 'circuit_breaker',
      members: { failureThreshold: UPSTREAM, successThreshold: UPSTREAM, timeoutMs: duration('timeout') },
    },
    retry: RETRY,
    dns: { members: { refreshMs: duration('refresh'), servers: { ...UPSTREAM, unordered: true } } },
    connectTimeoutMs: time('timeout.connect', 5_000),
    readTimeoutMs: time('timeout.read'),
    writeTimeoutMs: time('timeout.write'),
    silenceTimeoutMs: time('timeout.idle'),
    maxIdle: named('pool.max_idle', 100),
    maxOpen: named('pool.max_open', 1_000),
    idleTimeoutMs: { ...duration('pool.idle_timeout'), default: 90_000 },
    maxLifetimeMs: duration('pool.max_lifetime'),
    tls: {
      members: {
        ca: content('upstreams', 'ca_file'),
        cert: content('upstreams', 'cert_file'),
        key: secret('upstreams', 'key_file'),
        insecureSkipVerify: named('insecure_skip_verify', false),
      },
    },
  },
};
