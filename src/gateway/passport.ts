/** Passport's middleware for the auth methods of the configuration, with Loom's verdicts and denials. */
import type { ServerResponse } from 'node:http';
import passport from 'passport';
import { shareIdentities } from '../admission/identities.js';
import { copyOf, hostUserOf } from '../auth/identity.js';
import { contextOf, type Guard, type RequestContext } from '../context/request-context.js';
import type { NonEmpty } from '../lib/types.js';
import { challengesOf, deny } from '../admission/deny.js';
import type { AdmissionPolicy } from '../admission/policy.js';
import type { Gateway } from './gateway.js';
import { setIdentityHeaders } from '../admission/outbound.js';
import { errorTaker, type Refuse } from './host-denials.js';
import { DeniedError } from './denied-error.js';
import { infoOf } from './passport-types.js';
import type { PassportCallback, PassportHandler, PassportLike, PassportOptions } from './passport-types.js';
import { denialOf, outcomeOf, type Denial } from '../admission/denial.js';
import type { DenialCode } from '../http/problem.js';
import { logDenial } from '../admission/denial-log.js';
import { makePrivate } from './answers.js';

export interface HostPassportDeps {
  /** Returns the active policy and gateway when a request arrives. */
  readonly current: () => { readonly policy: AdmissionPolicy; readonly gateway: Gateway };
  /** Throws a TypeError if an auth method is not in the configuration. */
  readonly demand: (names: readonly string[]) => void;
}

/** The arguments of an `authenticate` call. */
interface Call {
  readonly names: NonEmpty<string>;
  /** Whether the names were a list. Passport then passes lists to the callback. */
  readonly listed: boolean;
  readonly options: PassportOptions;
  readonly callback: PassportCallback<unknown> | undefined;
}

type Own = InstanceType<typeof passport.Passport>;

export function hostPassport({ current, demand }: HostPassportDeps): PassportLike {
  const own = new passport.Passport();
  const handlerOf = (call: Call): PassportHandler => {
    demand(call.names);
    return (req, res, next) => {
      const { policy, gateway } = current();
      new Authentication(own, call, { policy, context: contextOf(req), res, next }).run(gateway);
    };
  };
  return {
    authenticate: (name, ...rest: readonly unknown[]) => handlerOf(callOf(name, rest)),
    authorize: (name, ...rest: readonly unknown[]) => {
      const call = callOf(name, rest);
      return handlerOf({ ...call, options: { ...call.options, assignProperty: 'account' } });
    },
    initialize: (options) => own.initialize(options) as PassportHandler,
    serializeUser: (serialize) => void own.serializeUser((user, done) => serialize(user as never, done)),
  };
}

/**
 * Reads the arguments of `authenticate`. A callback in the wrong position would be ignored, and its check with it.
 *
 * @throws TypeError if an argument is not what Passport expects.
 */
function callOf(name: string | readonly string[], given: readonly unknown[]): Call {
  const [options, callback] = typeof given[0] === 'function' ? [undefined, given[0]] : given;
  if (callback !== undefined && callback !== null && typeof callback !== 'function')
    throw new TypeError('the callback of authenticate() must be a function');
  if (typeof options !== 'object' && options !== undefined)
    throw new TypeError('the options of authenticate() must be an object');
  const [first, ...others] = typeof name === 'string' ? [name] : name;
  if (first === undefined) throw new TypeError('authenticate() needs at least one method');
  return {
    names: [first, ...others],
    listed: typeof name !== 'string',
    options: { session: false, ...options },
    callback: (callback ?? undefined) as PassportCallback<unknown> | undefined,
  };
}

/** The methods that Passport adds to a strategy. */
interface Verbs {
  success(user: unknown): void;
  fail(info: object, status: number): void;
}

interface Asked {
  readonly policy: AdmissionPolicy;
  readonly context: RequestContext;
  readonly res: ServerResponse;
  readonly next: (error?: unknown) => void;
}

/** One request in the middleware of one `authenticate` call. */
class Authentication {
  readonly #guard: Guard;
  /**
   * Whether the host has received the outcome. A later failure is a bug of the host's code, and Loom writes the
   * response.
   */
  #told = false;

  constructor(
    private readonly own: Own,
    private readonly call: Call,
    private readonly asked: Asked,
  ) {
    this.#guard = asked.policy.recordingGuardFor(call.names);
  }

  run(gateway: Gateway): void {
    const { context, res, next } = this.asked;
    gateway.judge(context, res, {
      guard: this.#guard,
      next,
      admitted: () => this.#admit(),
      refuse: (answer) => (denial, instance) => this.#refuse(denial, instance, answer),
    });
  }

  #admit(): void {
    this.#told = true;
    const { policy, context, next } = this.asked;
    const { identities } = context;
    policy.stripForeignIdentity(context);
    setIdentityHeaders(context);
    const { options, callback } = this.call;
    const user = hostUserOf(identities) ?? identities.slice(0, 1).map(copyOf)[0];
    if (callback) return this.#call(callback, [null, user ?? false]);
    // An account that is linked to a login does not replace the caller.
    if (options.assignProperty === undefined) shareIdentities(context);
    this.#passport((verbs) => verbs.success(user), { options, next });
  }

  #refuse(denial: Denial, instance: string, answer: Refuse): void {
    const { res } = this.asked;
    const { options, callback } = this.call;
    // A function without parameters would ignore the error, and the refused request would continue.
    const next = options.failWithError ? errorTaker(this.asked) : undefined;
    // The response of a plugin is always sent, as Passport sends a redirect.
    if (this.#told || outcomeOf(denial) === 'answered') return deny(res, denial, instance);
    this.#told = true;
    if (callback) return this.#refuseTo(callback, denial, instance);
    if (isFailure(denial) && FAILURE_OPTIONS.some((name) => options[name])) {
      res.setHeader('Cache-Control', 'no-store');
      const rest = (error?: unknown): void => {
        if (!next) return answer(denial, instance);
        setChallenges(res, denial);
        next(error);
      };
      const fail = (verbs: Verbs): void => verbs.fail(infoOf(denial), denial.status);
      this.#passport(fail, { options: { ...options, failWithError: true }, next: rest });
    } else if (next) next(new DeniedError(denial, instance));
    else answer(denial, instance);
  }

  #refuseTo(callback: PassportCallback<unknown>, denial: Denial, instance: string): void {
    const { context, res } = this.asked;
    makePrivate(res, this.#guard.vary);
    if (!isFailure(denial)) return this.#call(callback, [new DeniedError(denial, instance), false]);
    if (!this.call.listed) return this.#call(callback, [null, false, infoOf(denial), denial.status]);
    const said = context.methodVerdicts.map((each) => (each.kind === 'granted' ? denial : denialOf(each)));
    const denials = said.length > 0 ? said : [denial];
    this.#call(callback, [null, false, denials.map(infoOf), denials.map(({ status }) => status)]);
  }

  /** A callback may be asynchronous. If it fails, the request must still receive a response. */
  #call(callback: PassportCallback<unknown>, outcome: Parameters<PassportCallback<unknown>>): void {
    const returned = callback(...outcome);
    if (returned instanceof Promise) returned.catch((error: unknown) => this.#crash(error));
  }

  #crash(error: unknown): void {
    const { policy, context, res } = this.asked;
    const denial: Denial = { status: 500, code: 'internal' };
    policy.log.error({ err: error }, 'a callback of the host failed');
    deny(res, denial, logDenial(policy.log, context, denial));
  }

  #passport(act: (verbs: Verbs) => void, { options, next }: Pick<Asked, 'next'> & { options: PassportOptions }): void {
    const strategy = {
      authenticate(this: Verbs): void {
        act(this);
      },
    };
    const handler = this.own.authenticate(strategy, options as object) as PassportHandler;
    handler(this.asked.context.request, this.asked.res, next);
  }
}

/** With one of these options Passport acts on a failure. Without them Loom writes the response. */
const FAILURE_OPTIONS = ['failureRedirect', 'failureFlash', 'failureMessage', 'failWithError'] as const;

const FAILURES: ReadonlySet<DenialCode> = new Set<DenialCode>([
  'unauthorized',
  'forbidden',
  'insufficient_scope',
  'cross_site',
  'invalid_request',
]);

/**
 * Whether an auth method refused the request, or a rule refused the granted credential. Passport treats every other
 * denial as an error.
 */
function isFailure({ code }: Denial): boolean {
  return FAILURES.has(code);
}

function setChallenges(res: ServerResponse, denial: Denial): void {
  const challenges = challengesOf(denial);
  if (challenges.length > 0) res.setHeader('WWW-Authenticate', challenges);
}
