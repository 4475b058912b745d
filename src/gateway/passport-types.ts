/** The Passport types of a host application, without Passport's own types, which require Express. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Identity } from '../auth/identity.js';
import type { ReasonCode } from '../auth/verdict.js';
import type { Denial } from '../admission/denial.js';
import { TITLES, type DenialCode } from '../http/problem.js';
import { challengesOf } from '../admission/deny.js';

/**
 * The options of Passport's `authenticate`. They mean the same as in Passport. Only the default of `session` differs.
 *
 * @example
 * import { loom, type PassportOptions } from 'loom-auth';
 *
 * const options: PassportOptions = { failWithError: true, assignProperty: 'account' };
 * const guard = loom('loom.yaml').passport.authenticate('jwt', options);
 */
export interface PassportOptions {
  /** Whether to start a login session. It requires `serializeUser` and a session middleware. Default: false. */
  readonly session?: boolean;
  /** As in Passport: keeps the session data at login. */
  readonly keepSessionInfo?: boolean;
  /** The URL to which an accepted request is redirected. */
  readonly successRedirect?: string;
  /** As in Passport: `session.returnTo`, or this URL. */
  readonly successReturnToOrRedirect?: string;
  /** As in Passport: adds a message to the session. */
  readonly successMessage?: boolean | string;
  /** As in Passport: calls `req.flash`. */
  readonly successFlash?: boolean | string | object;
  /** The URL to which a refused request is redirected. */
  readonly failureRedirect?: string;
  /** As in Passport: adds a message to the session. */
  readonly failureMessage?: boolean | string;
  /** As in Passport: calls `req.flash`. */
  readonly failureFlash?: boolean | string | object;
  /** Whether a refusal is passed to `next(error)`, with `error.status`. Default: false, Loom writes the response. */
  readonly failWithError?: boolean;
  /** The property of the request that receives the identity. Default: `user`. */
  readonly assignProperty?: string;
  /** As in Passport: whether `req.authInfo` is set. Default: true. */
  readonly authInfo?: boolean;
}

/**
 * The reason why an auth method refused a request.
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
 * The custom callback of `authenticate`. It decides how the request continues.
 *
 * @param error A {@link DeniedError} if the request could not be checked (400, 429, 500, 503), else null.
 * @param user The identity, or the user of a strategy of the host. False if the request was refused.
 * @param info Why the request was refused; a list if `authenticate` got a list of names.
 * @param status 400, 401 or 403; a list if `authenticate` got a list of names.
 * @example
 * import { loom, type PassportCallback } from 'loom-auth';
 *
 * const log: PassportCallback = (error, user) => console.log(error ?? (user && user.subject));
 * const guard = loom('loom.yaml').passport.authenticate('jwt', log);
 */
export type PassportCallback<User = Identity> = (
  error: Error | null,
  user: User | false,
  info?: PassportInfo | readonly PassportInfo[],
  status?: number | readonly number[],
) => unknown;

/**
 * The middleware that `authenticate` returns.
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
 * Passport's `authenticate`: creates a middleware for one auth method, or for a list in which one auth method is
 * sufficient.
 *
 * @throws {TypeError} The file has no such auth method, or the callback is not a function.
 * @example
 * import { loom, type PassportAuthenticate } from 'loom-auth';
 *
 * const authenticate: PassportAuthenticate = loom('loom.yaml').passport.authenticate;
 * const either = authenticate(['jwt', 'api_key']);
 */
export interface PassportAuthenticate {
  <User = Identity>(name: string | readonly string[], callback: PassportCallback<User>): PassportHandler;
  <User = Identity>(
    name: string | readonly string[],
    options?: PassportOptions,
    callback?: PassportCallback<User>,
  ): PassportHandler;
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
  /** Creates a middleware that authenticates and sets `req.user`. */
  readonly authenticate: PassportAuthenticate;
  /** Creates a middleware that authenticates and sets `req.account`. `req.user` is unchanged. */
  readonly authorize: PassportAuthenticate;
  /** As in Passport. It has no effect without login sessions. */
  initialize(options?: { readonly userProperty?: string; readonly compat?: boolean }): PassportHandler;
  /** Sets the function that converts `req.user` to session data, for `session: true`. */
  serializeUser<User = Identity>(serialize: (user: User, done: (error: unknown, id?: unknown) => void) => void): void;
}

export function infoOf(denial: Denial): PassportInfo {
  const { code, reason } = denial;
  return { message: TITLES[code], code, ...(reason && { reason }), challenges: challengesOf(denial) };
}
