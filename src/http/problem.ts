/** The codes of problem documents (RFC 9457), with their titles and status codes. */

/**
 * Every code of a response body, with its title. Several reasons share a code, so that a response does not reveal the
 * reason.
 */
export const TITLES = {
  bad_request: 'The request is ambiguous or malformed',
  bad_target: 'The path is ambiguous or malformed',
  invalid_request: 'The credentials are malformed or more than one of a kind was sent',
  unauthorized: 'A valid credential is required',
  forbidden: 'The credential does not allow this',
  insufficient_scope: 'The credential lacks a required scope',
  cross_site: 'Cross-site use of this credential is not allowed',
  no_route: 'There is nothing at this path',
  method_not_allowed: 'The method is not allowed at this path',
  upgrade_malformed: 'The upgrade is malformed',
  upgrade_unsupported: 'Only WebSocket version 13 is served here',
  rate_limited: 'Too many requests',
  too_many_headers: 'The request has too many or too long header fields',
  request_timeout: 'The request took too long to arrive',
  body_too_large: 'The request body is larger than this route reads',
  body_consumed: 'The request body was read before it could be forwarded',
  internal: 'The gateway failed',
  upstream_unreachable: 'The upstream could not be reached',
  upstream_invalid: 'The upstream gave no valid answer',
  upstream_timeout: 'The upstream took too long',
  upstream_unavailable: 'The upstream takes no requests now',
  upstream_overloaded: 'The upstream has too many requests waiting',
  gateway_exhausted: 'The gateway has no connection left for this request',
  unavailable: 'The credential could not be checked now',
} as const;

/**
 * The code of a denial, in the `code` member of the problem document (RFC 9457) and in the log.
 *
 * @example
 * import type { DenialCode } from 'loom-auth';
 *
 * const retry: ReadonlySet<DenialCode> = new Set(['rate_limited', 'unavailable']);
 */
export type DenialCode = keyof typeof TITLES;

/** The status codes of each code. In the log, the response of a plugin has the code `forbidden` with any status. */
export const STATUSES: Readonly<Record<DenialCode, readonly number[]>> = {
  bad_request: [400],
  bad_target: [400],
  invalid_request: [400],
  unauthorized: [401],
  forbidden: [403],
  insufficient_scope: [403],
  cross_site: [403],
  no_route: [404],
  method_not_allowed: [405],
  upgrade_malformed: [400],
  upgrade_unsupported: [426],
  rate_limited: [429],
  too_many_headers: [431],
  request_timeout: [408],
  body_too_large: [413],
  body_consumed: [500],
  internal: [500],
  upstream_unreachable: [502],
  upstream_invalid: [502],
  upstream_timeout: [504],
  upstream_unavailable: [503],
  upstream_overloaded: [503],
  gateway_exhausted: [503],
  unavailable: [503],
};
