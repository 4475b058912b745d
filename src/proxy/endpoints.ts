/** Describes how a connection to an endpoint is made: address, timeouts and TLS options. */
import type { PlannedEndpoint, PlannedUpstream } from '../config/plan-types.js';
import { isUnixAddress, readUnixAddress } from '../config/address.js';
import { hostOf } from '../lib/address.js';
import { isIP, type LookupFunction } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/** The endpoint of one request, and the options of a connection to it. */
export interface Endpoint {
  /** In logs and metrics: host and port, or `unix:` and the path. */
  readonly name: string;
  /** For a Unix socket `http://localhost`, which is the `Host` if the client's is not forwarded. */
  readonly url: URL;
  /** The path of the Unix socket that takes the connections. Undefined for TCP. */
  readonly socketPath?: string;
  /** The address that the name of `url` had when it was resolved. TLS and `Host` use the name. */
  readonly address?: string;
  /** Resolves the name of `url`. Absent: the resolver of the system, for each new connection. */
  readonly lookup?: LookupFunction;
  readonly connectTimeoutMs: number;
  /** The longest silence of an upgraded socket. Absent: no limit. */
  readonly silenceTimeoutMs?: number;
  /** TLS options of an `https:` endpoint. The certificate is verified unless the file disables verification. */
  readonly tls?: ConnectionOptions;
}

export function createEndpoint(
  planned: PlannedEndpoint,
  upstream: PlannedUpstream,
  resolved: Pick<Endpoint, 'address' | 'lookup'> = {},
): Endpoint {
  const place = { ...resolved, ...placeOf(planned.url) };
  const { connectTimeoutMs, silenceTimeoutMs } = upstream;
  const endpoint = { ...place, connectTimeoutMs, ...(silenceTimeoutMs !== undefined && { silenceTimeoutMs }) };
  return place.url.protocol === 'https:' ? { ...endpoint, tls: tlsOptions(place.url, upstream.tls) } : endpoint;
}

/** The name, the URL and the socket of an endpoint of the file. */
export function placeOf(planned: string): Pick<Endpoint, 'name' | 'url' | 'socketPath'> {
  const unix = isUnixAddress(planned) ? readUnixAddress(planned) : undefined;
  if (!unix) {
    const url = new URL(planned);
    return { name: url.host, url };
  }
  if ('fault' in unix) throw new TypeError(`the endpoint ${planned} ${unix.fault}`);
  return { name: planned, url: new URL('http://localhost'), socketPath: unix.path };
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

/** Where the connections of an endpoint go, as the options of Node's HTTP client. */
export function addressOf(endpoint: Endpoint): { socketPath: string } | TcpAddress {
  const { socketPath } = endpoint;
  return socketPath === undefined ? tcpAddressOf(endpoint) : { socketPath };
}

export function tcpAddressOf({ url, tls, lookup }: Endpoint): TcpAddress {
  return { host: hostOf(url), port: Number(url.port || (tls ? 443 : 80)), ...(lookup && { lookup }) };
}

interface TcpAddress {
  readonly host: string;
  readonly port: number;
  readonly lookup?: LookupFunction;
}
