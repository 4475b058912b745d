/** Defines why an upstream gave no response, as the closed set of codes that a client may see. */
import { OwnLimit } from '../lib/own-limit.js';

/** No endpoint is up, or no endpoint that is up has room for another request. */
export type ShortageCode = 'upstream_unavailable' | 'upstream_overloaded';
export type FailureCode =
  'upstream_unreachable' | 'upstream_invalid' | 'upstream_timeout' | 'gateway_exhausted' | ShortageCode;
export type FailureStatus = 502 | 503 | 504;

export interface Failure {
  readonly status: FailureStatus;
  readonly code: FailureCode;
}

export class UpstreamTimeout extends Error {
  override readonly name = 'UpstreamTimeout';
  readonly code = 'LOOM_UPSTREAM_TIMEOUT';
}
export class UpstreamInvalid extends Error {
  override readonly name = 'UpstreamInvalid';
  readonly code = 'LOOM_UPSTREAM_INVALID';
}

/** The client left before the end of its request. Its response closes too, and the request fails without a response. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
  readonly code = 'ECONNRESET';
}

/** No endpoint can take the request. */
export class UpstreamShortage extends Error {
  override readonly name = 'UpstreamShortage';

  constructor(readonly code: ShortageCode) {
    super(code);
  }
}

/** Returns the `Retry-After` header for a request that no endpoint took. */
export function retryAfter(status: FailureStatus): { readonly headers?: Readonly<Record<'Retry-After', string>> } {
  return status === 503 ? { headers: { 'Retry-After': '5' } } : {};
}

export function failureOf(error: unknown): Failure {
  if (error instanceof UpstreamShortage) return { status: 503, code: error.code };
  if (error instanceof OwnLimit) return { status: 503, code: 'gateway_exhausted' };
  const code = codeOf(error);
  if (error instanceof UpstreamTimeout || code === 'ETIMEDOUT') return { status: 504, code: 'upstream_timeout' };
  const invalid = error instanceof UpstreamInvalid || code.startsWith('HPE_') || code.startsWith('ERR_HTTP');
  return { status: 502, code: invalid ? 'upstream_invalid' : 'upstream_unreachable' };
}

/**
 * Returns the system's error code (`ECONNREFUSED`, `CERT_HAS_EXPIRED`) for the log. The message is never logged because
 * it contains addresses.
 */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : error instanceof Error ? error.name : 'unknown';
}

/** The log message for a connection that failed because this process lacks a descriptor, port or memory. */
export const OWN_LIMIT = 'this process has reached a limit of its own: no connection to the upstream';

/** The log message for a request without a response from any endpoint. */
export const failureWords = (error: unknown, otherwise: string): string =>
  error instanceof OwnLimit ? OWN_LIMIT : otherwise;
