/** Passport as a host sees it here, in types of our own: Passport's types pull Express in. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Identity } from '../auth/identity.js';
import type { ReasonCode } from '../auth/verdict.js';
import type { Denial } from '../admission/denial.js';
import { TITLES, type DenialCode } from '../http/problem.js';
import { challengesOf } from '../admission/deny.js';

/** The options of Passport's `authenticate`; each means what it means in Passport, but for the default of `session`. */
export interface PassportOptions {
  /** Whether to start a login session, which needs `serializeUser` and a session middleware. Default: false. */
  readonly session?: boolean;
  readonly keepSessionInfo?: boolean;
  readonly successRedirect?: string;
  readonly successReturnToOrRedirect?: string;
  readonly successMessage?: boolean | string;
  readonly successFlash?: boolean | string | object;
  readonly failureRedirect?: string;
  readonly failureMessage?: boolean | string;
  readonly failureFlash?: boolean | string | object;
  /** Whether a refusal goes to `next(error)`, with `error.status`; by default it is answered. */
  readonly failWithError?: boolean;
  /** The property of the request that gets the identity, in place of `user`. */
  readonly assignProperty?: string;
  readonly authInfo?: boolean;
}

/** Why a method did not let a request in. */
export interface PassportInfo {
  /** A sentence that a client may read. */
  readonly message: string;
  readonly code: DenialCode;
  /** For logs: it tells more than a client should know. */
  readonly reason?: ReasonCode;
  /** The values of `WWW-Authenticate`. */
  readonly challenges: readonly string[];
}

/**
 * Decides in place of Passport what becomes of a request.
 *
 * @param error A {@link DeniedError} where the request could not be judged (503, 429, 400, 500), else null.
 * @param user The identity, or false where no method let the request in.
 * @param info Why not; with a list of names, one for each method that was asked.
 * @param status 400, 401 or 403; with a list of names, one for each method that was asked.
 */
export type PassportCallback = (
  error: Error | null,
  user: Identity | false,
  info?: PassportInfo | readonly PassportInfo[],
  status?: number | readonly number[],
) => unknown;

/** A middleware that authenticates a request. */
export type PassportHandler = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

/** Passport's `authenticate`: a method of the file, or several of which any will do. */
export interface PassportAuthenticate {
  (name: string | readonly string[], callback: PassportCallback): PassportHandler;
  (name: string | readonly string[], options?: PassportOptions, callback?: PassportCallback): PassportHandler;
}

/** Passport as far as a host needs it here. */
export interface PassportLike {
  /** @throws TypeError The file has no such method. */
  readonly authenticate: PassportAuthenticate;
  /** `authenticate` that assigns to `req.account` and leaves `req.user` as it is. */
  readonly authorize: PassportAuthenticate;
  initialize(options?: { readonly userProperty?: string; readonly compat?: boolean }): PassportHandler;
  /** What a login session keeps of an identity, for `session: true`. */
  serializeUser(serialize: (user: Identity, done: (error: unknown, id?: unknown) => void) => void): void;
}

/** A request that could not be judged, as a host's callback or error handler gets it. */
export class DeniedError extends Error {
  override readonly name = 'DeniedError';
  readonly status: number;
  readonly code: DenialCode;
  readonly reason: ReasonCode | undefined;
  /** For the answer (`Retry-After`); Express sends them. */
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
