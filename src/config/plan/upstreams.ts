/** Upstreams as the plan has them, the texts of their TLS files included. */
import { isIP } from 'node:net';
import { serverAuthorities } from '../../certificates/trust-anchors.js';
import { hostOf } from '../../lib/address.js';
import { judgeKeyPair, type KeyPair } from '../../certificates/key-pair.js';
import type { Item } from '../blocks.js';
import type { Context } from '../context.js';
import type { Balancer, PlannedEndpoint, PlannedRetry, PlannedUpstream } from '../plan-types.js';
import type { Path } from '../report.js';
import { isUnixAddress } from '../address.js';
import { endpointUrl, retry, type DnsBlock, type ProxyBlock, type UpstreamBlock } from '../schema/upstreams.js';

export interface UpstreamBlocks {
  readonly upstreams: readonly Item<UpstreamBlock>[];
  /** The top-level block. */
  readonly proxy?: ProxyBlock | undefined;
  /** The top-level block. */
  readonly dns?: DnsBlock | undefined;
}

export function planUpstreams({ upstreams, proxy, dns }: UpstreamBlocks, context: Context): readonly PlannedUpstream[] {
  const seen = new Set<string>();
  const planned = upstreams.map((item) => {
    const { name } = item.value;
    if (seen.has(name)) {
      context.report.error({
        path: [...item.path, 'name'],
        code: 'duplicate',
        message: 'another upstream has this name already',
      });
    }
    seen.add(name);
    const engine = item.value.proxy?.engine ?? proxy?.engine;
    const upstream = planUpstream(item, context);
    // The default engine is left out: a file that names the default keeps the state of its upstreams in a reload.
    const named = planDns(item, { upstream, dns, context });
    return { ...upstream, ...(engine === 'undici' && { engine }), ...named };
  });
  if (dns?.enabled && !planned.some(hasName)) warnWithoutName([], 'no upstream has an endpoint with a name', context);
  return planned;
}

interface DnsParts {
  readonly upstream: PlannedUpstream;
  /** The top-level block. */
  readonly dns: DnsBlock | undefined;
  readonly context: Context;
}

function planDns(
  { value, path }: Item<UpstreamBlock>,
  { upstream, dns, context }: DnsParts,
): Pick<PlannedUpstream, 'dns'> {
  const block = value.dns ?? dns;
  if (block?.enabled !== true) return {};
  if (hasName(upstream)) return { dns: { refreshMs: block.refresh, ...(block.servers && { servers: block.servers }) } };
  if (value.dns) warnWithoutName(path, 'every endpoint is an address', context);
  return {};
}

function hasName({ endpoints }: PlannedUpstream): boolean {
  return endpoints.some(({ url }) => !isUnixAddress(url) && isIP(hostOf(new URL(url))) === 0);
}

function warnWithoutName(path: Path, cause: string, { report }: Context): void {
  const message = `${cause}, so no name is resolved`;
  report.warning({ path: [...path, 'dns'], code: 'no_effect', message, at: 'key' });
}

function planUpstream({ value: block, path }: Item<UpstreamBlock>, context: Context): PlannedUpstream {
  const tls = block.tls?.enabled === true ? planTls(block.tls, [...path, 'tls'], context) : undefined;
  const { connect, read, write, idle } = block.timeout;
  const retry = block.retry && planRetry(block.retry, [...path, 'retry'], context);
  return {
    name: block.name,
    endpoints: planEndpoints(block, path, context),
    balancer: balancerOf(block, path, context),
    ...(block.health_check?.enabled === true && { healthCheck: planHealthCheck(block.health_check) }),
    ...(block.circuit_breaker?.enabled === true && { circuitBreaker: planBreaker(block.circuit_breaker) }),
    ...(retry && { retry }),
    connectTimeoutMs: connect,
    ...(read !== undefined && { readTimeoutMs: read }),
    ...(write !== undefined && { writeTimeoutMs: write }),
    ...(idle !== undefined && { silenceTimeoutMs: idle }),
    maxIdle: block.pool.max_idle,
    maxOpen: block.pool.max_open,
    idleTimeoutMs: block.pool.idle_timeout,
    ...(block.pool.max_lifetime !== undefined && { maxLifetimeMs: block.pool.max_lifetime }),
    ...(tls && { tls }),
  };
}

function balancerOf(block: UpstreamBlock, path: Path, { report }: Context): Balancer {
  const { load_balancer: own, load_balancing: nested } = block;
  if (own !== undefined && nested) {
    const message = 'is the same as load_balancer; keep one of the two';
    report.error({ path: [...path, 'load_balancing', 'algorithm'], code: 'two_sources', message });
  }
  return own ?? nested?.algorithm ?? 'round_robin';
}

function planHealthCheck(block: NonNullable<UpstreamBlock['health_check']>): PlannedUpstream['healthCheck'] & object {
  return {
    path: block.path,
    intervalMs: block.interval,
    timeoutMs: block.timeout,
    healthyThreshold: block.healthy_threshold,
    unhealthyThreshold: block.unhealthy_threshold,
    expectedStatus: block.expected_status,
  };
}

function planBreaker(block: NonNullable<UpstreamBlock['circuit_breaker']>): PlannedUpstream['circuitBreaker'] & object {
  return {
    failureThreshold: block.failure_threshold,
    successThreshold: block.success_threshold,
    timeoutMs: block.timeout,
  };
}

type RetryBlock = NonNullable<UpstreamBlock['retry']>;

function planRetry(block: RetryBlock, path: Path, { report }: Context): PlannedRetry {
  // Not the same as no block: without one, a closed kept connection still allows a second send.
  if (!block.enabled) return { ...retryOf(block), maxRetries: 0 };
  if (block.backoff_base > block.backoff_max) {
    report.error({ path: [...path, 'backoff_base'], code: 'wrong_value', message: 'is longer than backoff_max' });
  }
  return retryOf(block);
}

function retryOf(block: RetryBlock): PlannedRetry {
  return {
    maxRetries: block.max_retries,
    backoffBaseMs: block.backoff_base,
    backoffMaxMs: block.backoff_max,
    codes: block.retryable_codes,
  };
}

/** Of a route that asks for retries and whose upstream says nothing of them. */
export const DEFAULT_RETRY: PlannedRetry = retryOf(retry.parse({}));

function planEndpoints(block: UpstreamBlock, path: Path, context: Context): readonly PlannedEndpoint[] {
  const { endpoints, weights } = block;
  const { report } = context;
  if (weights && weights.length !== endpoints.length) {
    report.error({
      path: [...path, 'weights'],
      code: 'wrong_value',
      message: 'must have one weight for each endpoint',
    });
  }
  const seen = new Set<string>();
  return endpoints.flatMap((endpoint, at): PlannedEndpoint[] => {
    const written = typeof endpoint === 'string' ? endpoint : hostAndPort(endpoint);
    const read = endpointUrl(written, block.tls?.enabled === true);
    if ('fault' in read) {
      report.error({ path: [...path, 'endpoints', at], code: 'wrong_value', message: read.fault });
      return [];
    }
    if (seen.has(read.url)) {
      const message = 'is in the list already; use weight to give an endpoint a larger share';
      report.error({ path: [...path, 'endpoints', at], code: 'duplicate', message });
    }
    seen.add(read.url);
    if (weights && context.has([...path, 'endpoints', at, 'weight'])) {
      const message = 'is not allowed beside weights: keep one of them';
      report.error({ path: [...path, 'endpoints', at, 'weight'], code: 'wrong_value', message });
    }
    return [{ url: read.url, weight: weights?.[at] ?? (typeof endpoint === 'string' ? 1 : endpoint.weight) }];
  });
}

function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
}

type TlsBlock = NonNullable<UpstreamBlock['tls']>;

function planTls(block: TlsBlock, path: Path, context: Context): NonNullable<PlannedUpstream['tls']> {
  const { report } = context;
  if (block.insecure_skip_verify) {
    const message =
      'the certificate of the upstream is not verified: an attacker on the network gets every request with its credentials';
    report.warning({ path: [...path, 'insecure_skip_verify'], code: 'insecure', message });
  }
  if ((block.cert_file === undefined) !== (block.key_file === undefined)) {
    report.error({ path, code: 'wrong_value', message: 'cert_file and key_file belong together' });
  }
  const read = (key: 'ca_file' | 'cert_file' | 'key_file'): string | undefined => {
    const file = block[key];
    return file === undefined ? undefined : readPem(file, [...path, key], context);
  };
  const [ca, cert, key] = [read('ca_file'), read('cert_file'), read('key_file')];
  if (cert !== undefined && key !== undefined) reportPair({ cert, key }, path, context);
  const planned = {
    ...(ca !== undefined && { ca: serverAuthorities(ca) }),
    ...(cert !== undefined && { cert }),
    insecureSkipVerify: block.insecure_skip_verify,
  };
  return key === undefined ? planned : Object.defineProperty(planned, 'key', { value: key, enumerable: false });
}

/** Requests to the upstream fail while a file cannot be parsed. The gateway serves other upstreams, so it starts. */
function reportPair(pair: KeyPair, path: Path, { report }: Context): void {
  for (const { of, level, unreadable, message } of judgeKeyPair(pair, Date.now()))
    report[unreadable ? 'warning' : level]({ path: [...path, `${of}_file`], code: 'tls_file', message });
}

/** The text of a PEM file; undefined, with the reason reported, if it cannot be used. */
export function readPem(file: string, path: Path, { source, report }: Context): string | undefined {
  const read = source.readBeside(file);
  if (read.kind === 'unreadable') report.error({ path, code: 'unreadable_file', message: `${file}: ${read.why}` });
  else if (!read.text.includes('-----BEGIN '))
    report.error({ path, code: 'not_pem', message: `${file} holds no PEM block` });
  else return read.text;
  return undefined;
}
