/** Passes denials to a host that writes its own error responses. No way out of a denial leads to the next handler. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { outcomeOf, type Denial } from '../admission/denial.js';
import { deny, prepareDenial } from '../admission/deny.js';
import { forgetIdentities } from '../admission/identities.js';
import type { Leaving } from '../context/request-context.js';
import type { Log, Next } from '../lib/types.js';
import { DeniedError } from './denied-error.js';

/**
 * Answers a refused request instead of Loom.
 *
 * The headers of the denial are already on the response. `next` passes the {@link DeniedError} to the error handler of
 * the host, with any argument or none. It never continues the request. A function with fewer than three parameters cannot
 * answer: Loom answers after it. Loom also answers if the function throws or rejects.
 *
 * @param denial The error, with `status`, `code`, `headers` and `instance`.
 * @param req The request.
 * @param res The response, which is not started.
 * @param next Passes the denial on. An `Error` argument becomes the `cause` of the denial.
 * @example
 * import type { Request, Response } from 'express';
 * import { loom, type OnDenied } from 'loom-auth';
 *
 * const onDenied: OnDenied = (denial, req: Request, res: Response, next) => {
 *   if (denial.status === 401 && req.accepts('html')) res.redirect('/login');
 *   else next();
 * };
 * loom('loom.yaml', { onDenied });
 */
export type OnDenied = {
  // A method and not a function type: a host may write the request and response types of Express.
  handle(denial: DeniedError, req: IncomingMessage, res: ServerResponse, next: Next): unknown;
}['handle'];

/** Writes a denial instead of `deny`. `instance` is the id of the denial in the log. */
export type Refuse = (denial: Denial, instance: string) => void;

/** The part of the options of `loom()` that says who answers a denial. */
export interface DenialOptions {
  readonly errors?: 'answer' | 'next';
  readonly onDenied?: OnDenied;
}

export class HostDenials {
  #isWarned = false;

  constructor(
    readonly options: DenialOptions,
    readonly log: Log,
  ) {}

  exit(leaving: Leaving): HostExit {
    return new HostExit(this, leaving);
  }

  /** Every request has this fault, so one line is sufficient. */
  warnOfNext(): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    this.log.warn(
      {},
      'the next function takes no error, so Loom answers the denial: pass the next of the host, or a function with one parameter',
    );
  }
}

/** The exits of one request: to the next handler, or to the host with a denial. A request takes one exit, once. */
class HostExit {
  #left = false;
  /** Whether the error handler of the host has received the denial. */
  #passedOn = false;

  constructor(
    private readonly denials: HostDenials,
    private readonly leaving: Leaving,
  ) {}

  /** Continues with the next handler, for an admitted request. */
  readonly pass: Next = () => {
    this.#left = true;
    this.leaving.next();
  };

  /** A request that has left through another exit fails in the code of the host, so Loom answers. */
  readonly refuse: Refuse = (denial, instance) => {
    const { context, res } = this.leaving;
    // The response of a plugin or a redirect of a strategy is always sent.
    if (this.#left || res.headersSent || res.destroyed || outcomeOf(denial) === 'answered') {
      deny(res, denial, instance);
      return;
    }
    this.#left = true;
    forgetIdentities(context);
    prepareDenial(res, denial);
    this.#ask(new DeniedError(denial, instance), () => this.#answer(denial, instance));
  };

  #ask(error: DeniedError, answer: () => void): void {
    const { options, log } = this.denials;
    const { context, res } = this.leaving;
    const { onDenied } = options;
    if (!onDenied) {
      this.#passOn(error, answer);
      return;
    }
    const crash = (cause: unknown): void => {
      log.error({ err: cause }, 'onDenied failed');
      if (!this.#passedOn) answer();
    };
    const finish = (): void => {
      if (onDenied.length >= WITH_RESPONSE || this.#passedOn || res.headersSent || res.writableEnded) return;
      if (options.errors === 'next') this.#passOn(error, answer);
      else answer();
    };
    try {
      const next: Next = (cause) => this.#passOn(withCause(error, cause), answer);
      const returned = onDenied(error, context.request, res, next);
      if (isThenable(returned)) returned.then(finish, crash);
      else finish();
    } catch (cause) {
      crash(cause);
    }
  }

  /** Calls the `next` of the host at most once, and always with the error. */
  #passOn(error: DeniedError, answer: () => void): void {
    const { res } = this.leaving;
    if (this.#passedOn || res.writableEnded || res.destroyed) return;
    this.#passedOn = true;
    const next = errorTaker(this.leaving);
    if (!next) {
      this.denials.warnOfNext();
      answer();
      return;
    }
    try {
      next(error);
    } catch (cause) {
      this.denials.log.error({ err: cause }, 'an error handler of the host failed');
      answer();
    }
  }

  /** The host may have started a response before it failed. Destroying the response ends the wait of the client. */
  #answer(denial: Denial, instance: string): void {
    const { res } = this.leaving;
    if (!res.headersSent) deny(res, denial, instance);
    else if (!res.writableEnded) res.destroy();
  }
}

/** The parameters that a function needs to answer: the denial, the request and the response. */
const WITH_RESPONSE = 3;

/**
 * Returns a `next` that takes an error. `() => handler()` ignores the error, and the refused request would continue.
 * Express keeps its own `next` on the request. Tools such as OpenTelemetry give a function without parameters instead.
 */
export function errorTaker({ context, next }: Pick<Leaving, 'context' | 'next'>): Next | undefined {
  const { next: own } = context.request as { next?: unknown };
  return [next, own].find((each): each is Next => typeof each === 'function' && each.length > 0);
}

function withCause(error: DeniedError, cause: unknown): DeniedError {
  if (cause instanceof Error && cause !== error) error.cause = cause;
  return error;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
