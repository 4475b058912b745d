/** Why an upstream gave no answer, in the closed set of words that a client may see. */
import { OwnLimit } from '../lib/own-limit.js';

/** No endpoint is up; or those that are have no room for one more request. */
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

/** There is no endpoint to send to. */
export class UpstreamShortage extends Error {
  override readonly name = 'UpstreamShortage';

  constructor(readonly code: ShortageCode) {
    super(code);
  }
}

/** When a client may try again where no endpoint took its request. */
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

/** The system's word (`ECONNREFUSED`, `CERT_HAS_EXPIRED`) for the log; never the message, which names addresses. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : error instanceof Error ? error.name : 'unknown';
}

/** The log message of a connection that this process had no descriptor, port or memory for. */
export const OWN_LIMIT = 'this process has reached a limit of its own: no connection to the upstream';

/** The message of the log line for what no endpoint answered. */
export const failureWords = (error: unknown, otherwise: string): string =>
  error instanceof OwnLimit ? OWN_LIMIT : otherwise;
