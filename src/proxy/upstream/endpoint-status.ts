/** Defines what operators see of an endpoint and of its name. */
import type { BreakerState } from '../../lib/circuit-breaker.js';

/**
 * The state of one endpoint of an upstream.
 *
 * @example
 * import type { EndpointStatus } from 'loom-auth';
 *
 * export const lineOf = ({ url, up, inFlight }: EndpointStatus): string => `${url} ${up} ${inFlight}`;
 */
export interface EndpointStatus {
  /** Scheme, host and port. */
  readonly url: string;
  /** The address, if the upstream resolves the name of the endpoint. */
  readonly address?: string;
  /** The share of requests, relative to the other endpoints. */
  readonly weight: number;
  /** Whether the endpoint takes new requests. */
  readonly up: boolean;
  /** The result of the health checks; absent without health checks. */
  readonly healthy?: boolean;
  /** The state of the circuit breaker; absent without a circuit breaker. */
  readonly breaker?: BreakerState;
  /** Requests without a complete response, and upgraded sockets. */
  readonly inFlight: number;
  /** The name no longer has this address. Requests in flight finish. */
  readonly leaving?: true;
  /** The last resolution of the name, if the upstream resolves names. */
  readonly name?: NameStatus;
}

/**
 * The last resolution of the name of an endpoint.
 *
 * @example
 * import { loom, type NameStatus } from 'loom-auth';
 *
 * const failed = ({ fault }: NameStatus): boolean => fault !== undefined;
 * const endpoints = loom('loom.yaml').upstreams().flatMap((each) => each.endpoints);
 * console.log(endpoints.filter(({ name }) => name && failed(name)).map(({ url }) => url));
 */
export interface NameStatus {
  /** When the name was resolved last, in milliseconds since the Unix epoch. Absent: never. */
  readonly resolvedAt?: number;
  /** The error code of the last resolution, or `forbidden address`; absent if it succeeded. Earlier addresses stay in use. */
  readonly fault?: string;
}
