/** Records what each auth method said about a request, for the evaluation of another configuration on the same request. */
import type { IncomingMessage } from 'node:http';
import { findRequestState } from '../http/request-state.js';
import { isDeepStrictEqual } from '../lib/node-util.js';
import type { Attempt } from './combine.js';
import type { Place } from './credentials.js';
import { copyOf } from './identity.js';
import type { WithoutIdentity } from './requirement.js';
import type { Verdict } from './verdict.js';

/** The configuration of an auth method, as the plan has it, and the places that other methods read too. */
export interface RecordedMethod {
  readonly name: string;
  readonly type: string;
  readonly options: unknown;
  readonly shared: readonly Place[];
}

export interface LiveVerdict {
  readonly method: RecordedMethod;
  readonly verdict: Verdict;
  /** The credentials that earlier methods refused. */
  readonly refused: ReadonlySet<string>;
  readonly undecided: boolean;
  readonly identity: WithoutIdentity | undefined;
}

export class Recording {
  readonly verdicts: LiveVerdict[] = [];

  /** `copies`: the host receives the identities and may change them. */
  constructor(private readonly copies: boolean) {}

  /** Never throws: a recording must not change the decision that it records. */
  add(method: RecordedMethod, { refused, undecided = false, identity }: Attempt, verdict: Verdict): void {
    try {
      const kept = this.copies ? copied(verdict) : verdict;
      this.verdicts.push({ method, verdict: kept, refused, undecided, identity });
    } catch {
      // The identity of a host has claims that cannot be copied. The verdict is then not recorded.
    }
  }
}

/** Returns the recording of a request, or undefined if nothing is recorded. */
export function recordingOf(request: IncomingMessage): Recording | undefined {
  const recording = findRequestState(request)?.recording;
  return recording instanceof Recording ? recording : undefined;
}

function copied(verdict: Verdict): Verdict {
  if (verdict.kind !== 'granted') return verdict;
  return { ...verdict, identities: verdict.identities.map(copyOf) };
}

export interface Recalling {
  readonly method: RecordedMethod;
  /** Where the method reads credentials. Empty: it may read any part of the request. */
  readonly places: readonly Place[];
}

/** Returns what the live method with the same configuration said about the same attempt. */
export function recall(attempt: Attempt, { method, places }: Recalling): Verdict | undefined {
  const found = recordingOf(attempt.request)?.verdicts.find(
    (each) => isSameAttempt(each, attempt, places.length > 0) && isSameMethod(each.method, method),
  );
  return found?.verdict;
}

/** A method with places of its own sees no other credential, so only its own refused credential counts. */
function isSameAttempt(live: LiveVerdict, attempt: Attempt, hasPlaces: boolean): boolean {
  const { refused, undecided = false, identity } = attempt;
  if (live.identity !== identity) return false;
  if (hasPlaces && live.verdict.kind !== 'absent') return true;
  const same = live.refused.size === refused.size && [...refused].every((each) => live.refused.has(each));
  return same && live.undecided === undecided;
}

/** A method of the candidate, with the live methods that are known to be equal or different. */
const compared = new WeakMap<RecordedMethod, WeakMap<RecordedMethod, boolean>>();

function isSameMethod(live: RecordedMethod, own: RecordedMethod): boolean {
  if (live.name !== own.name || live.type !== own.type) return false;
  const known = compared.get(own) ?? new WeakMap<RecordedMethod, boolean>();
  compared.set(own, known);
  let same = known.get(live);
  if (same === undefined) {
    same = isDeepStrictEqual(live.options, own.options) && isDeepStrictEqual(live.shared, own.shared);
    known.set(live, same);
  }
  return same;
}
