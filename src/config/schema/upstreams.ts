/** The `upstreams` block: where admitted requests go. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { duration, LONGEST_TIMER_MS, oneOrMore, timeout } from '../../lib/fields.js';
import { isForbiddenHost } from '../../lib/forbidden-host.js';
import { isUnixAddress, readUnixAddress } from '../address.js';
import { count, filePath, flag, listOf, name, retryCodes, status } from './fields.js';

export const BALANCERS = ['round_robin', 'weighted', 'least_conn', 'random', 'ip_hash'] as const;

const DNS_SERVER = 'must be the address of a name server, such as "10.0.0.2", "10.0.0.2:53" or "[2001:db8::2]:53"';
const ENDPOINT =
  'must be "host:port", "unix:" and an absolute path, an http or https URL without a path, or {host, port, weight}';
/** A URL parser forgives more than it shows: white space, slashes, an empty user. */
const AUTHORITY = /^[a-z][a-z\d+.-]*:\/\/[^\s/@]+\/?$/i;

/** `http://host:port` or `unix:/path`, or why not. The cloud's metadata service is on 169.254.169.254 and gives keys to every client. */
export function endpointUrl(written: string, secure: boolean): { readonly url: string } | { readonly fault: string } {
  if (isUnixAddress(written)) return unixEndpoint(written, secure);
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(written) ? written : `${secure ? 'https' : 'http'}://${written}`;
  const explicit = /:\d+$/.test(written) || text === written;
  if (!explicit || !URL.canParse(text)) return { fault: ENDPOINT };
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return { fault: ENDPOINT };
  if (url.username !== '' || url.password !== '') return { fault: 'must not hold a user or a password' };
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    return { fault: 'must not hold a path, a query or a fragment' };
  if (url.port === '0' || url.hostname === '' || !AUTHORITY.test(text)) return { fault: ENDPOINT };
  if (isForbiddenHost(url.hostname)) return { fault: 'must not be a link-local or unspecified address' };
  if (secure && url.protocol === 'http:') return { fault: 'is http beside tls.enabled: true' };
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return { url: `${url.protocol}//${url.hostname}:${port}` };
}

function unixEndpoint(written: string, secure: boolean): ReturnType<typeof endpointUrl> {
  if (secure)
    return { fault: 'is a Unix socket beside tls.enabled: true: no network is between, so remove the tls block' };
  const read = readUnixAddress(written);
  return 'fault' in read ? read : { url: written };
}

export const ENGINES = ['http-proxy-middleware', 'undici'] as const;

const engine = () =>
  z
    .enum(ENGINES, { error: 'must be "http-proxy-middleware" or "undici"' })
    .describe(
      'The HTTP client: `http-proxy-middleware`, or `undici`, which needs less CPU time. Upgrades use neither.',
    );

/** At the top level: for each upstream that does not choose. */
export const proxy = z.strictObject({ engine: engine().default('http-proxy-middleware') });

export type ProxyBlock = z.output<typeof proxy>;

const dnsServer = () => z.string({ error: DNS_SERVER }).refine(isServer, { error: DNS_SERVER });

/** A name would need a name server itself. */
function isServer(text: string): boolean {
  const [, v4, v6, port] = /^(?:([\d.]+)|\[([\da-f:.]+)\]):(\d{1,5})$/i.exec(text) ?? [];
  if (port === undefined) return isIP(text) !== 0;
  return (isIP(v4 ?? '') === 4 || isIP(v6 ?? '') === 6) && Number(port) >= 1 && Number(port) <= 65_535;
}

/** At the top level: for each upstream that does not choose. */
export const dns = z.strictObject({
  enabled: flag().default(true).describe('false: a name is resolved when a connection to it opens.'),
  refresh: duration({ min: 1_000, max: LONGEST_TIMER_MS })
    .prefault('30s')
    .describe('From one resolution of a name to the next, 10 % more or less. Each address becomes an endpoint.'),
  servers: listOf(dnsServer())
    .max(8, 'must be at most 8')
    .optional()
    .describe('Name servers, as `address` or `address:port`. Default: the resolver of the system.'),
});

export type DnsBlock = z.output<typeof dns>;

const endpoint = z.union(
  [
    z.string(),
    z.strictObject({
      host: z.string().min(1, 'must not be empty').describe('Host name or address.'),
      port: count(1, 65535).describe('Port.'),
      weight: count(1, 1_000).default(1).describe('Its share of the requests, under every balancer.'),
    }),
  ],
  { error: ENDPOINT },
);

/** The text is sent unchanged. A character outside of a request line would begin another line. */
const checkPath = () =>
  z
    .string({ error: 'must be a path such as "/healthz"' })
    .regex(
      /^\/[\x21\x22\x24-\x7e]*$/,
      'must be a path such as "/healthz": a leading slash, ASCII, no spaces, no fragment',
    )
    .max(2_048, 'must be at most 2048 characters');

const healthCheck = z.strictObject({
  enabled: flag().default(true).describe('false: endpoints are not checked.'),
  path: checkPath().default('/').describe('Asked with GET, over the same TLS as requests.'),
  interval: timeout().prefault('10s').describe('From the end of a check to the next, 10 % more or less.'),
  timeout: timeout().prefault('2s').describe('Time to the head of the answer, connecting included.'),
  healthy_threshold: count(1).default(2).describe('Good checks in a row that bring an endpoint back.'),
  unhealthy_threshold: count(1).default(3).describe('Bad checks in a row that take it out.'),
  expected_status: oneOrMore(status()).prefault(200).describe('Status, or a list of them, that says all is well.'),
});

const circuitBreaker = z.strictObject({
  enabled: flag().default(true).describe('false: no circuit breaker.'),
  failure_threshold: count(1).default(5).describe('Failures in a row that open it.'),
  success_threshold: count(1).default(3).describe('Successes that close it; as many requests at most try at once.'),
  timeout: timeout().prefault('30s').describe('Time from open to half open.'),
});

export const retry = z.strictObject({
  enabled: flag().default(true).describe('false: nothing is sent twice.'),
  max_retries: count(0, 100)
    .default(3)
    .describe('Attempts after the first, one after a closed kept connection included.'),
  backoff_base: timeout()
    .prefault('100ms')
    .describe('Longest wait before the first retry; doubled for each further one.'),
  backoff_max: timeout().prefault('10s').describe('Longest wait at all.'),
  retryable_codes: retryCodes()
    .default([502, 503, 504])
    .describe(
      'Statuses of the upstream, or of ours in its place, that are tried again. A failed connection always is.',
    ),
});

const pool = z.strictObject({
  max_idle: count(0).default(100).describe('Idle connections kept per endpoint.'),
  max_open: count(1)
    .default(1_000)
    .describe(
      'Connections per endpoint; as many requests more, at least 100, may wait for one. Upgraded sockets are counted apart.',
    ),
  idle_timeout: timeout().prefault('90s').describe('Time that an idle connection is kept.'),
  max_lifetime: timeout()
    .optional()
    .describe(
      'Age at which a connection takes no further request, up to 10 % less. Upgraded sockets are not counted. Default: no limit.',
    ),
});

const timeouts = z.strictObject({
  connect: timeout().prefault('5s').describe('Time to connect.'),
  read: timeout()
    .optional()
    .describe(
      'Time to the head of an answer, for each attempt, then between two bytes. Default: the timeout of the route.',
    ),
  write: timeout()
    .optional()
    .describe('Time that the upstream may take nothing of a body. Default: the timeout of the route.'),
  idle: timeout()
    .optional()
    .describe('Time that an event stream or an upgraded socket may be silent. Default: no limit.'),
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
  endpoints: listOf(endpoint).describe('`host:port`, `unix:/path/of/a.sock`, URL, or `{host, port, weight}`.'),
  load_balancer: z
    .enum(BALANCERS)
    .optional()
    .describe(
      '`round_robin` (the default; `weighted` is the same), `least_conn`, `random`, or `ip_hash`: by client address.',
    ),
  load_balancing: z
    .strictObject({ algorithm: z.enum(BALANCERS).describe('The balancer.') })
    .optional()
    .describe('The same as `load_balancer`.'),
  weights: listOf(count(1, 1_000)).optional().describe('One weight for each endpoint, in their order.'),
  health_check: healthCheck.optional().describe('Active health checks. Absent: none.'),
  circuit_breaker: circuitBreaker.optional().describe('Circuit breaker of each endpoint. Absent: none.'),
  retry: retry.optional().describe('Retries of idempotent requests without a body. Absent: none.'),
  proxy: z
    .strictObject({ engine: engine().optional() })
    .optional()
    .describe('How requests are forwarded. Default: the `proxy` block at the top level.'),
  dns: dns
    .optional()
    .describe('When the names of endpoints are resolved again. Default: the `dns` block at the top level, or never.'),
  pool: pool.prefault({}).describe('Connections kept to each endpoint.'),
  timeout: timeouts.prefault({}).describe('Time limits towards the upstream.'),
  tls: tls.optional().describe('TLS towards the upstream.'),
});

export type UpstreamBlock = z.output<typeof upstream>;
