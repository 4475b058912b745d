/** The endpoints of one upstream, taken in turn by their weights. */
import type { PlannedEndpoint, PlannedUpstream } from '../config/plan-types.js';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/** Where one request goes, and how a connection to it is made. */
export interface Endpoint {
  readonly url: URL;
  readonly connectTimeoutMs: number;
  /** TLS options of an `https:` endpoint; verified unless the file says otherwise. */
  readonly tls?: ConnectionOptions;
}

export function createEndpoint(planned: PlannedEndpoint, upstream: PlannedUpstream): Endpoint {
  const url = new URL(planned.url);
  const endpoint = { url, connectTimeoutMs: upstream.connectTimeoutMs };
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

/** Smooth weighted round robin: with equal weights, plainly one after the other. */
export function inTurn<T>(items: readonly { readonly item: T; readonly weight: number }[]): () => T {
  const first = items[0];
  if (!first) throw new TypeError('an upstream needs an endpoint');
  if (items.length === 1) return () => first.item;
  const lots = items.map((each) => ({ ...each, credit: 0 }));
  const total = items.reduce((sum, { weight }) => sum + weight, 0);
  return () => {
    let best = lots[0] as (typeof lots)[number];
    for (const lot of lots) {
      lot.credit += lot.weight;
      if (lot.credit > best.credit) best = lot;
    }
    best.credit -= total;
    return best.item;
  };
}
