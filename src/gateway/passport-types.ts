/** Passport as a host sees it here, in types of our own: Passport's types pull Express in. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Identity } from '../auth/identity.js';
import type { ReasonCode } from '../auth/verdict.js';
import type { Denial } from '../admission/denial.js';
import { TITLES, type DenialCode } from '../http/problem.js';
import { challengesOf } from '../admission/deny.js';

/**
 * The options of Passport's `authenticate`. They mean the same as in Passport; only the default of `session` differs.
 *
 * @example
 * import { loom, type PassportOptions } from 'loom-auth';
 *
 * const options: PassportOptions = { failWithError: true, assignProperty: 'account' };
 * const guard = loom('loom.yaml').passport.authenticate('jwt', options);
 */
export interface PassportOptions {
  /** Whether to start a login session; it needs `serializeUser` and a session middleware. Default: false. */
  readonly session?: boolean;
  /** As in Passport: keeps the data of the session at login. */
  readonly keepSessionInfo?: boolean;
  /** Where an accepted request is redirected to. */
  readonly successRedirect?: string;
  /** As in Passport: `session.returnTo`, or this URL. */
  readonly successReturnToOrRedirect?: string;
  /** As in Passport: adds a message to the session. */
  readonly successMessage?: boolean | string;
  /** As in Passport: calls `req.flash`. */
  readonly successFlash?: boolean | string | object;
  /** Where a refused request is redirected to. */
  readonly failureRedirect?: string;
  /** As in Passport: adds a message to the session. */
  readonly failureMessage?: boolean | string;
  /** As in Passport: calls `req.flash`. */
  readonly failureFlash?: boolean | string | object;
  /** Whether a refusal goes to `next(error)`, with `error.status`. Default: false, Loom answers. */
  readonly failWithError?: boolean;
  /** The property of the request that gets the identity. Default: `user`. */
  readonly assignProperty?: string;
  /** As in Passport: whether `req.authInfo` is set. Default: true. */
  readonly authInfo?: boolean;
}

/**
 * Why an auth method refused a request.
 *
 * @example
 * import type { PassportInfo } from 'loom-auth';
 *
 * export const lineOf = ({ code, reason }: PassportInfo): string => `${code} ${reason ?? ''}`;
 */
export interface PassportInfo {
  /** A sentence that clients may see. */
  readonly message: string;
  /** The code of the denial. */
  readonly code: DenialCode;
  /** For the log; clients must not see it. */
  readonly reason?: ReasonCode;
  /** The values of `WWW-Authenticate` (RFC 9110 section 11.6.1). */
  readonly challenges: readonly string[];
}

/**
 * The custom callback of `authenticate`; it decides what happens with the request.
 *
 * @param error A {@link DeniedError} if the request could not be checked (400, 429, 500, 503), else null.
 * @param user The identity, or false if the request was refused.
 * @param info Why the request was refused; a list if `authenticate` got a list of names.
 * @param status 400, 401 or 403; a list if `authenticate` got a list of names.
 * @example
 * import { loom, type PassportCallback } from 'loom-auth';
 *
 * const log: PassportCallback = (error, user) => console.log(error ?? (user && user.subject));
 * const guard = loom('loom.yaml').passport.authenticate('jwt', log);
 */
export type PassportCallback = (
  error: Error | null,
  user: Identity | false,
  info?: PassportInfo | readonly PassportInfo[],
  status?: number | readonly number[],
) => unknown;

/**
 * The middleware that `authenticate` makes.
 *
 * @param req The request.
 * @param res The response.
 * @param next Continues with the next handler, or with an error handler.
 * @example
 * import { loom, type PassportHandler } from 'loom-auth';
 *
 * const guard: PassportHandler = loom('loom.yaml').passport.authenticate('jwt');
 */
export type PassportHandler = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

/**
 * Passport's `authenticate`: makes a middleware of one auth method, or of a list of which one is enough.
 *
 * @throws {TypeError} The file has no such auth method, or the callback is not a function.
 * @example
 * import { loom, type PassportAuthenticate } from 'loom-auth';
 *
 * const authenticate: PassportAuthenticate = loom('loom.yaml').passport.authenticate;
 * const either = authenticate(['jwt', 'api_key']);
 */
export interface PassportAuthenticate {
  (name: string | readonly string[], callback: PassportCallback): PassportHandler;
  (name: string | readonly string[], options?: PassportOptions, callback?: PassportCallback): PassportHandler;
}

/**
 * The part of Passport's interface that a host application needs.
 *
 * @example
 * import { loom, type PassportLike } from 'loom-auth';
 *
 * const passport: PassportLike = loom('loom.yaml').passport;
 * const guard = passport.authenticate('jwt');
 */
export interface PassportLike {
  /** Makes a middleware that authenticates and sets `req.user`. */
  readonly authenticate: PassportAuthenticate;
  /** Makes a middleware that authenticates and sets `req.account`; `req.user` stays as it is. */
  readonly authorize: PassportAuthenticate;
  /** As in Passport; it has no effect unless login sessions are in use. */
  initialize(options?: { readonly userProperty?: string; readonly compat?: boolean }): PassportHandler;
  /** Sets what a login session keeps of an identity, for `session: true`. */
  serializeUser(serialize: (user: Identity, done: (error: unknown, id?: unknown) => void) => void): void;
}

/**
 * A request was refused or could not be checked; a callback or error handler of the host application gets this error.
 *
 * @example
 * import { DeniedError } from 'loom-auth';
 *
 * export const statusOf = (error: unknown): number => (error instanceof DeniedError ? error.status : 500);
 */
export class DeniedError extends Error {
  /** `DeniedError`. */
  override readonly name = 'DeniedError';
  /** The HTTP status of the response. */
  readonly status: number;
  /** The code of the denial. */
  readonly code: DenialCode;
  /** For the log; clients must not see it. */
  readonly reason: ReasonCode | undefined;
  /** Headers for the response, such as `Retry-After`; Express sends them. */
  readonly headers: Readonly<Record<string, string>>;

  constructor({ status, code, reason, headers = {} }: Denial) {
    super(TITLES[code]);
    this.status = status;
    this.code = code;
    this.reason = reason;
    this.headers = { 'Cache-Control': 'no-store', ...headers };
  }
}

export function infoOf(denial: Denial): PassportInfo {
  const { code, reason } = denial;
  return { message: TITLES[code], code, ...(reason && { reason }), challenges: challengesOf(denial) };
}
