/** How a connection to an endpoint is made: where, within what time, over what TLS. */
import type { PlannedEndpoint, PlannedUpstream } from '../config/plan-types.js';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/** Where one request goes, and how a connection to it is made. */
export interface Endpoint {
  readonly url: URL;
  readonly connectTimeoutMs: number;
  /** How long an upgraded socket may be silent; absent: for ever. */
  readonly silenceTimeoutMs?: number;
  /** TLS options of an `https:` endpoint; verified unless the file says otherwise. */
  readonly tls?: ConnectionOptions;
}

export function createEndpoint(planned: PlannedEndpoint, upstream: PlannedUpstream): Endpoint {
  const url = new URL(planned.url);
  const { connectTimeoutMs, silenceTimeoutMs } = upstream;
  const endpoint = { url, connectTimeoutMs, ...(silenceTimeoutMs !== undefined && { silenceTimeoutMs }) };
  return url.protocol === 'https:' ? { ...endpoint, tls: tlsOptions(url, upstream.tls) } : endpoint;
}

/**
 * The server name stands here on purpose: without it Node takes it from the `Host` header, and the client would choose
 * the name that the upstream's certificate is checked against.
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

/** The host to connect to: an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}
