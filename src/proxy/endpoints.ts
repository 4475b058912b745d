/** Describes how a connection to an endpoint is made: address, timeouts and TLS options. */
import type { PlannedEndpoint, PlannedUpstream } from '../config/plan-types.js';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/** The endpoint of one request, and the options of a connection to it. */
export interface Endpoint {
  readonly url: URL;
  readonly connectTimeoutMs: number;
  /** The longest silence of an upgraded socket. Absent: no limit. */
  readonly silenceTimeoutMs?: number;
  /** TLS options of an `https:` endpoint. The certificate is verified unless the file disables verification. */
  readonly tls?: ConnectionOptions;
}

export function createEndpoint(planned: PlannedEndpoint, upstream: PlannedUpstream): Endpoint {
  const url = new URL(planned.url);
  const { connectTimeoutMs, silenceTimeoutMs } = upstream;
  const endpoint = { url, connectTimeoutMs, ...(silenceTimeoutMs !== undefined && { silenceTimeoutMs }) };
  return url.protocol === 'https:' ? { ...endpoint, tls: tlsOptions(url, upstream.tls) } : endpoint;
}

/**
 * The server name is explicit. Otherwise Node takes it from the `Host` header, and the client would choose the name
 * that the upstream's certificate is checked against.
 */
function tlsOptions(url: URL, tls: PlannedUpstream['tls']): ConnectionOptions {
  const name = hostOf(url);
  return {
    servername: isIP(name) === 0 ? name : '',
    rejectUnauthorized: tls?.insecureSkipVerify !== true,
    ...(tls?.ca !== undefined && { ca: tls.ca }),
    ...(tls?.cert !== undefined && { cert: tls.cert }),
    ...(tls?.key !== undefined && { key: tls.key }),
  };
}

/** The host to connect to. An IPv6 address has no brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}
