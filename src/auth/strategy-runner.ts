/** Runs one Passport strategy on one request and converts its outcome to a verdict. */
import type { IncomingMessage } from 'node:http';
import type { MaybePromise } from '../lib/types.js';
import type { Authenticator } from './combine.js';
import { holdsRefused, keepUndecided } from './undecided.js';
import type { Place } from './credentials.js';
import type { Identity } from './identity.js';
import { FailInfo, UnavailableError } from './outcome.js';
import type { WithoutIdentity } from './requirement.js';
import type { Challenge, Verdict } from './verdict.js';

/**
 * A Passport strategy, as a `passport-*` package makes it.
 *
 * @example
 * import { loom, type PassportStrategy } from 'loom-auth';
 *
 * export const gateWith = (custom: PassportStrategy) => loom('loom.yaml', { strategies: { custom } });
 */
export interface PassportStrategy {
  /** Passport calls it for each request; the result is one of the calls `success`, `fail`, `redirect`, `pass`, `error`. */
  authenticate(request: never, options?: object): unknown;
}

/**
 * The conversion of the five calls of a strategy to verdicts. Strategies of Loom and of a host use different
 * conversions.
 */
export interface Reading {
  success(user: unknown, request: IncomingMessage): Verdict;
  fail(challenge: unknown, status: unknown): Verdict;
  redirect(url: string, status?: number): Verdict;
  pass(): Verdict;
  /** A verdict, or undefined if the error is a bug and must be thrown. */
  error(cause: unknown): Verdict | undefined;
}

/** The data that a strategy of Loom receives in addition to the request. */
export interface RunOptions {
  /** Credentials that an earlier auth method of an `any` rejected. */
  readonly refused?: ReadonlySet<string>;
  /** What a plugin grants that continues without an identity. */
  readonly identity?: WithoutIdentity | undefined;
}

/** Passed to `success` by a strategy of Loom that grants the request without an identity. */
export const NO_IDENTITY = Symbol('no identity');

type Settle = (verdict: Verdict) => void;
type Crash = (cause: unknown) => void;

/**
 * Strategies keep their callbacks on `this`, so each run gets its own object. One shared instance would mix up
 * concurrent requests. The first call settles the run, and later calls are ignored.
 */
export function runStrategy(
  strategy: PassportStrategy,
  reading: Reading,
  request: IncomingMessage,
  options: RunOptions = {},
): MaybePromise<Verdict> {
  let now: Verdict | undefined;
  let crashed: { readonly cause: unknown } | undefined;
  let later: { settle: Settle; crash: Crash } | undefined;
  const settle: Settle = (verdict) => {
    if (now || crashed) return;
    now = verdict;
    later?.settle(verdict);
  };
  const crash: Crash = (cause) => {
    if (now || crashed) return;
    crashed = { cause };
    later?.crash(cause);
  };
  const run = Object.create(strategy) as PassportStrategy;
  Object.assign(run, verbs(reading, request, { settle, crash }));
  const returned: unknown = run.authenticate(request as never, options);
  if (returned instanceof Promise) returned.catch(crash);
  if (now) return now;
  if (crashed) throw asError(crashed.cause);
  return new Promise((resolve, reject) => {
    later = { settle: resolve, crash: (cause) => reject(asError(cause)) };
  });
}

function verbs(reading: Reading, request: IncomingMessage, { settle, crash }: { settle: Settle; crash: Crash }) {
  /** An exception of a conversion (`identity(user)` of a host) is a bug too. */
  const guarded = (read: () => Verdict): void => {
    try {
      settle(read());
    } catch (cause) {
      crash(cause);
    }
  };
  return {
    success: (user: unknown) => guarded(() => reading.success(user, request)),
    fail: (challenge?: unknown, status?: unknown) => guarded(() => reading.fail(challenge, status)),
    redirect: (url: string, status?: number) => guarded(() => reading.redirect(url, status)),
    pass: () => guarded(() => reading.pass()),
    error: (cause: unknown) => {
      const verdict = reading.error(cause);
      if (verdict) settle(verdict);
      else crash(cause);
    },
  };
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error('a strategy failed without an Error');
}

/** The data that prevents the runner from passing a credential that another auth method rejected. */
export interface Offering {
  readonly places: readonly Place[];
  readonly challenge: Challenge;
}

/** A strategy of Loom. If it decides by itself, the runner needs no object and no callbacks for each request. */
export interface OwnStrategy extends PassportStrategy {
  /** Must not keep state of the request on `this`. A throw or a rejection is a bug. */
  decide?(request: IncomingMessage): MaybePromise<Verdict>;
}

/** Creates an authenticator for a strategy of Loom. */
export function fromOurs(strategy: OwnStrategy, { places, challenge }: Offering): Authenticator {
  const absent: Verdict = { kind: 'absent', challenges: [challenge] };
  return ({ request, refused, identity }) => {
    if (holdsRefused(request, { places, refused })) return absent;
    const verdict = strategy.decide?.(request) ?? runStrategy(strategy, OURS, request, { refused, identity });
    return keepUndecided(request, places, verdict);
  };
}

const LONGEST_SUBJECT = 1_024;

const OURS: Reading = {
  // The method has checked the subject. A certificate may have a longer subject than other credentials.
  success: (user) =>
    user === NO_IDENTITY ? { kind: 'granted', identities: [] } : grant(user as Identity, LONGEST_SUBJECT),
  fail: (info) => {
    if (info instanceof FailInfo) return info.verdict;
    throw new TypeError('a strategy of ours failed without a verdict');
  },
  redirect: () => {
    throw new TypeError('a strategy of ours redirected');
  },
  pass: () => ({ kind: 'absent', challenges: [] }),
  error: (cause) => (cause instanceof UnavailableError ? cause.verdict : undefined),
};

/** Grants an identity if its subject is valid: 1 to 256 characters, or another greatest length. */
export function grant(identity: Identity, longest = 256): Verdict {
  const { subject } = identity;
  if (subject === '') return { kind: 'rejected', status: 401, reason: 'subject_missing', challenges: [] };
  if (typeof subject !== 'string' || subject.length > longest) {
    return { kind: 'rejected', status: 401, reason: 'subject_invalid', challenges: [] };
  }
  return { kind: 'granted', identities: [identity] };
}
