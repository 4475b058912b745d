/** The `upstreams` block: where admitted requests go. */
import { z } from 'zod';
import { timeout } from '../../lib/fields.js';
import { count, filePath, flag, listOf, name, status } from './fields.js';

export const BALANCERS = ['round_robin', 'weighted', 'least_conn', 'random', 'ip_hash'] as const;

const ENDPOINT = 'must be "host:port", an http or https URL without a path, or {host, port, weight}';
/** IPv6 holds 169.254.0.0/16 as well: mapped, translated (RFC 6052, RFC 2765), compatible, 6to4. */
const FORBIDDEN_HOST =
  /^(?:169\.254\.|0\.0\.0\.0$|\[(?:fe[89ab].:|::\]|::(?:ffff:(?:0:)?)?a9fe:|::ffff:0:0\]|64:ff9b:(?:[\da-f:]*:)?a9fe:|2002:a9fe:|fd00:ec2::254\]))/i;
/** A URL parser forgives more than it shows: white space, slashes, an empty user. */
const AUTHORITY = /^[a-z][a-z\d+.-]*:\/\/[^\s/@]+\/?$/i;

/** `http://host:port`, or why not. The cloud's metadata service lives on 169.254.169.254 and gives keys to whoever asks. */
export function endpointUrl(written: string, secure: boolean): { readonly url: string } | { readonly fault: string } {
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(written) ? written : `${secure ? 'https' : 'http'}://${written}`;
  const explicit = /:\d+$/.test(written) || text === written;
  if (!explicit || !URL.canParse(text)) return { fault: ENDPOINT };
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return { fault: ENDPOINT };
  if (url.username !== '' || url.password !== '') return { fault: 'must not hold a user or a password' };
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    return { fault: 'must not hold a path, a query or a fragment' };
  if (url.port === '0' || url.hostname === '' || !AUTHORITY.test(text)) return { fault: ENDPOINT };
  if (FORBIDDEN_HOST.test(url.hostname)) return { fault: 'must not be a link-local or unspecified address' };
  if (secure && url.protocol === 'http:') return { fault: 'is http beside tls.enabled: true' };
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return { url: `${url.protocol}//${url.hostname}:${port}` };
}

const endpoint = z.union(
  [
    z.string(),
    z.strictObject({
      host: z.string().min(1, 'must not be empty').describe('Host name or address.'),
      port: count(1, 65535).describe('Port.'),
      weight: count(1, 1_000).default(1).describe('Share under the `weighted` balancer.'),
    }),
  ],
  { error: ENDPOINT },
);

const healthCheck = z.strictObject({
  enabled: flag().optional(),
  path: z.string().optional(),
  interval: timeout().optional(),
  timeout: timeout().optional(),
  healthy_threshold: count(1).optional(),
  unhealthy_threshold: count(1).optional(),
  expected_status: z.union([status(), listOf(status())]).optional(),
});

const circuitBreaker = z.strictObject({
  enabled: flag().optional(),
  failure_threshold: count(1).optional(),
  success_threshold: count(1).optional(),
  timeout: timeout().optional(),
});

const retry = z.strictObject({
  enabled: flag().optional(),
  max_retries: count(0, 100).optional(),
  backoff_base: timeout().optional(),
  backoff_max: timeout().optional(),
  retryable_codes: listOf(status()).optional(),
});

const pool = z.strictObject({
  max_idle: count(0).default(100).describe('Idle connections kept per endpoint.'),
  max_open: count(1).default(1_000).describe('Connections at all per endpoint.'),
  idle_timeout: timeout().prefault('90s').describe('Time that an idle connection is kept.'),
});

const timeouts = z.strictObject({
  connect: timeout().prefault('5s').describe('Time to connect.'),
  read: timeout().prefault('30s').describe('Time between two bytes of a response.'),
  write: timeout().optional().describe('Not built yet.'),
  idle: timeout().optional().describe('Not built yet.'),
});

const tls = z.strictObject({
  enabled: flag().default(true).describe('Speak TLS to endpoints given as `host:port`.'),
  insecure_skip_verify: flag().default(false).describe('Accept any certificate. Never in production.'),
  ca_file: filePath().optional().describe('PEM file of the authorities of the upstream.'),
  cert_file: filePath().optional().describe('PEM file of our client certificate.'),
  key_file: filePath().optional().describe('PEM file of its key.'),
});

export const upstream = z.strictObject({
  name: name().describe('The name that routes use.'),
  endpoints: listOf(endpoint).describe('`host:port`, URL, or `{host, port, weight}`; asked in turn.'),
  load_balancer: z.enum(BALANCERS).optional().describe('`round_robin`; the others are not built yet.'),
  load_balancing: z
    .strictObject({ algorithm: z.enum(BALANCERS).describe('The balancer.') })
    .optional()
    .describe('The same as `load_balancer`.'),
  weights: listOf(count(1, 1_000)).optional().describe('Not built yet.'),
  health_check: healthCheck.optional().describe('Not built yet.'),
  circuit_breaker: circuitBreaker.optional().describe('Not built yet.'),
  retry: retry.optional().describe('Not built yet.'),
  pool: pool.prefault({}).describe('Connections kept to each endpoint.'),
  timeout: timeouts.prefault({}).describe('Time limits towards the upstream.'),
  tls: tls.optional().describe('TLS towards the upstream.'),
});

export type UpstreamBlock = z.output<typeof upstream>;
