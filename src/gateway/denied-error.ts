/** The error of a request that was refused, for the error handlers of a host. */
import { headersOf, problemOf } from '../admission/deny.js';
import type { Denial } from '../admission/denial.js';
import type { ReasonCode } from '../auth/verdict.js';
import { TITLES, type DenialCode } from '../http/problem.js';
import { sharePublicError } from '../lib/public-error.js';

/**
 * The error of a request that was refused or could not be checked. An `onDenied`, a callback or an error handler of the
 * host receives it. JSON of it is the problem document that Loom would send (RFC 9457).
 *
 * @example
 * import type { ErrorRequestHandler } from 'express';
 * import { DeniedError } from 'loom-auth';
 *
 * export const answer: ErrorRequestHandler = (error, req, res, next) => {
 *   if (error instanceof DeniedError) res.status(error.status).set(error.headers).json(error);
 *   else next(error);
 * };
 */
export class DeniedError extends Error {
  static {
    sharePublicError(this, 'DeniedError');
  }
  /** `DeniedError`. */
  override readonly name = 'DeniedError';
  /** The HTTP status of the response. */
  readonly status: number;
  /** The same as `status`, for hosts that read this name, such as NestJS and Fastify. */
  readonly statusCode: number;
  /** True: clients may see the message. */
  readonly expose = true;
  /** The code of the denial. */
  readonly code: DenialCode;
  /** For the log; clients must not see it. */
  readonly reason: ReasonCode | undefined;
  /** The id of the denial in the log. Undefined if the denial has no log line. */
  readonly instance: string | undefined;
  /** Headers for the response, such as `WWW-Authenticate` and `Retry-After`. Express sends them. */
  readonly headers: Record<string, string | string[]>;

  constructor(denial: Denial, instance?: string) {
    super(TITLES[denial.code]);
    this.status = denial.status;
    this.statusCode = denial.status;
    this.code = denial.code;
    this.reason = denial.reason;
    this.instance = instance;
    this.headers = headersOf(denial);
    // A denial is no bug. Express shows the stack to clients outside of production.
    this.stack = `${this.name}: ${this.message}`;
  }

  /** Returns the problem document (RFC 9457), without the reason. */
  toJSON(): object {
    return problemOf(this, this.instance);
  }
}
