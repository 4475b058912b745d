/** Keeps a credential that an auth method rejected or could not check from the later methods of an `any`. */
import type { IncomingMessage } from 'node:http';
import type { MaybePromise } from '../lib/types.js';
import { everyCookie, readEach, readOffer, USUAL_PLACES, type Place } from './credentials.js';
import type { Verdict } from './verdict.js';

export interface Refused {
  readonly places: readonly Place[];
  readonly refused: ReadonlySet<string>;
}

/** Whether the credential in these places is one that an earlier auth method refused. */
export function holdsRefused(request: IncomingMessage, { places, refused }: Refused): boolean {
  if (refused.size === 0) return false;
  const offer = readOffer(request, places);
  return offer.kind === 'one' && [...refused].some((each) => isSame(each, offer.value));
}

/** One auth method may read `Bearer x` and another `x`. */
function isSame(left: string, right: string): boolean {
  return left === right || left.endsWith(` ${right}`) || right.endsWith(` ${left}`);
}

/** The verdict. If no verdict was reached, it includes every credential that the auth method may have read. */
export function keepUndecided(
  request: IncomingMessage,
  places: readonly Place[],
  verdict: MaybePromise<Verdict>,
): MaybePromise<Verdict> {
  return verdict instanceof Promise
    ? verdict.then((late) => keepRead(request, places, late))
    : keepRead(request, places, verdict);
}

function keepRead(request: IncomingMessage, places: readonly Place[], verdict: Verdict): Verdict {
  if (verdict.kind !== 'unavailable') return verdict;
  const credentials = places.length > 0 ? readEach(request, places) : usual(request);
  return { ...verdict, credentials };
}

function usual(request: IncomingMessage): readonly string[] {
  return [...readEach(request, USUAL_PLACES), ...everyCookie(request)];
}
