/** Combines the verdicts of several auth methods into one verdict. */
import type { IncomingMessage } from 'node:http';
import type { MaybePromise, NonEmpty } from '../lib/types.js';
import { readOffer, type Place } from './credentials.js';
import type { WithoutIdentity } from './requirement.js';
import type { Absent, Challenge, Granted, Rejected, Unavailable, Verdict } from './verdict.js';

/**
 * One request as an auth method sees it, with the credentials that earlier methods of an `any` rejected or could not
 * check.
 */
export interface Attempt {
  readonly request: IncomingMessage;
  readonly refused: ReadonlySet<string>;
  /** An earlier auth method could not check one of the credentials. */
  readonly undecided?: boolean;
  /** What a plugin grants that continues without an identity. Absent: nothing. */
  readonly identity?: WithoutIdentity | undefined;
}

/** Checks a request. An exception is a bug (500). It is never a denial, and no other auth method runs after it. */
export type Authenticator = (attempt: Attempt) => MaybePromise<Verdict>;

const NOBODY: Granted = { kind: 'granted', identities: [] };
const NONE_REFUSED: ReadonlySet<string> = new Set();

/** The first attempt of a request, without refused credentials. */
export function attemptOf(request: IncomingMessage): Attempt {
  return { request, refused: NONE_REFUSED };
}

/** Admits every request without an identity. */
export const open: Authenticator = () => NOBODY;

/** Continues synchronously if the value is available. Most verdicts are, and a tick costs more than a verdict. */
function then<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/**
 * The first auth method that grants wins. A rejection ends the search only if `onInvalid` is `stop`. If no method
 * grants: 503 if a method was unavailable, else the first rejection, else absent.
 */
export function any(parts: NonEmpty<Authenticator>, onInvalid: 'continue' | 'stop' = 'continue'): Authenticator {
  if (parts.length === 1) return parts[0];
  return (attempt) => search(parts, onInvalid, { attempt, failures: [] });
}

interface Search {
  readonly attempt: Attempt;
  readonly failures: readonly (Absent | Rejected | Unavailable)[];
}

function search(parts: NonEmpty<Authenticator>, onInvalid: 'continue' | 'stop', state: Search): MaybePromise<Verdict> {
  const part = parts[state.failures.length];
  if (!part) return failed(state.failures);
  return then(part(state.attempt), (verdict) => {
    if (verdict.kind === 'granted' || verdict.kind === 'answered') return verdict;
    const failures = [...state.failures, verdict];
    if (verdict.kind === 'rejected') {
      if (verdict.status !== 401 && verdict.status !== 403) return verdict;
      if (onInvalid === 'stop') return failed(failures);
    }
    return search(parts, onInvalid, { attempt: refuse(state.attempt, verdict), failures });
  });
}

function refuse(attempt: Attempt, verdict: Search['failures'][number]): Attempt {
  const credentials = credentialsOf(verdict);
  if (credentials.length === 0) return attempt;
  const undecided = attempt.undecided === true || verdict.kind === 'unavailable';
  return { request: attempt.request, refused: new Set([...attempt.refused, ...credentials]), undecided };
}

function credentialsOf(verdict: Search['failures'][number]): readonly string[] {
  if (verdict.kind === 'absent') return [];
  const own = verdict.kind === 'rejected' && verdict.credential !== undefined ? [verdict.credential] : [];
  return [...own, ...(verdict.credentials ?? [])];
}

function failed(failures: Search['failures']): Verdict {
  // This list may be part of an outer list. Later methods of the outer list do not receive a credential that this list
  // refused.
  const credentials = failures.flatMap(credentialsOf);
  const kept = credentials.length > 0 && { credentials };
  const unavailable = failures.find((each) => each.kind === 'unavailable');
  const detail = (): string => failures.flatMap((each) => each.detail?.() ?? []).join('; ');
  if (unavailable) return { ...unavailable, detail, ...kept };
  const rejected = failures.find((each) => each.kind === 'rejected');
  // Many clients read the first challenge alone, so the challenge of the credential that was judged comes first.
  const ordered = rejected ? [rejected, ...failures.filter((each) => each !== rejected)] : failures;
  const challenges = mergeChallenges(ordered.flatMap((each) => (each.kind === 'unavailable' ? [] : each.challenges)));
  return rejected ? { ...rejected, challenges, detail, ...kept } : { kind: 'absent', challenges, detail };
}

/**
 * Every part must grant. The first part that does not grant ends the search. All identities are kept, and the first is
 * primary.
 */
export function all(parts: NonEmpty<Authenticator>): Authenticator {
  if (parts.length === 1) return parts[0];
  return (attempt) => collect(parts, attempt, []);
}

function collect(parts: NonEmpty<Authenticator>, attempt: Attempt, granted: readonly Granted[]): MaybePromise<Verdict> {
  const part = parts[granted.length];
  if (!part) return { kind: 'granted', identities: granted.flatMap((each) => each.identities) };
  return then(part(attempt), (verdict) =>
    verdict.kind === 'granted' ? collect(parts, attempt, [...granted, verdict]) : verdict,
  );
}

/** No credential is required, but a credential in the request must be valid. */
export function optional(part: Authenticator): Authenticator {
  return (attempt) => then(part(attempt), (verdict) => (verdict.kind === 'absent' ? NOBODY : verdict));
}

type IsOffered = (request: IncomingMessage, places: readonly Place[]) => boolean;

const isOfferedAnywhere: IsOffered = (request, places) =>
  places.some((place) => readOffer(request, [place]).kind !== 'none');

/** A credential in one of these places that no auth method claimed is rejected, not treated as absent. */
export function claimed(
  part: Authenticator,
  places: readonly Place[],
  isOffered: IsOffered = isOfferedAnywhere,
): Authenticator {
  if (places.length === 0) return part;
  const claim = (verdict: Verdict, { request }: Attempt): Verdict => {
    if (verdict.kind !== 'absent' || !isOffered(request, places)) return verdict;
    const all = verdict.challenges.map(invalidToken);
    const challenges = [...all.filter(hasError), ...all.filter((each) => !hasError(each))];
    const detail = (): string => unclaimed(verdict);
    return { kind: 'rejected', status: 401, reason: 'credential_invalid', challenges, detail };
  };
  return (attempt) => {
    const verdict = part(attempt);
    return verdict instanceof Promise ? verdict.then((late) => claim(late, attempt)) : claim(verdict, attempt);
  };
}

const unclaimed = ({ detail }: Absent): string =>
  ['no auth method of the route knows the credential', ...(detail ? [detail()] : [])].join(': ');

/** RFC 6750 §3.1: the request had a token, so the challenge contains an error code. */
export function invalidToken(challenge: Challenge): Challenge {
  if (challenge.scheme !== 'Bearer') return challenge;
  return { ...challenge, params: { ...challenge.params, error: 'invalid_token' } };
}

const hasError = ({ params }: Challenge): boolean => 'error' in params;

/** One challenge for each scheme and realm, in order. A challenge with an error replaces one without an error. */
export function mergeChallenges(challenges: readonly Challenge[]): readonly Challenge[] {
  const merged = new Map<string, Challenge>();
  for (const challenge of challenges.map(withRealm)) {
    const key = `${challenge.scheme.toLowerCase()} ${challenge.params['realm'] ?? ''}`;
    const earlier = merged.get(key);
    if (!earlier || (!hasError(earlier) && hasError(challenge))) merged.set(key, challenge);
  }
  return [...merged.values()];
}

/** The realm of a challenge if the file and the host's strategy name none. */
const DEFAULT_REALM = 'loom';

/** RFC 6750 §3: a Bearer challenge has at least one parameter. Some clients do not parse one without. */
function withRealm(challenge: Challenge): Challenge {
  const { scheme, params } = challenge;
  if (scheme.toLowerCase() !== 'bearer' || 'realm' in params) return challenge;
  return { ...challenge, params: { realm: DEFAULT_REALM, ...params } };
}
