/** A credential that a method could not judge, or rejected, is offered to no later method of an `any`. */
import type { IncomingMessage } from 'node:http';
import type { MaybePromise } from '../lib/types.js';
import { everyCookie, readEach, readOffer, type Place } from './credentials.js';
import type { Verdict } from './verdict.js';

/** Where a method that names no place (a host's strategy, a plugin) has its credential from as a rule. */
const USUAL: readonly Place[] = [{ in: 'header', name: 'authorization' }];

export interface Refused {
  readonly places: readonly Place[];
  readonly refused: ReadonlySet<string>;
}

/** Whether the credential in these places is one that an earlier method refused. */
export function holdsRefused(request: IncomingMessage, { places, refused }: Refused): boolean {
  if (refused.size === 0) return false;
  const offer = readOffer(request, places);
  return offer.kind === 'one' && [...refused].some((each) => isSame(each, offer.value));
}

/** One method reads `Bearer x` where another one reads `x`. */
function isSame(left: string, right: string): boolean {
  return left === right || left.endsWith(` ${right}`) || right.endsWith(` ${left}`);
}

/** The verdict; where none was reached, with every credential that the method may have been about to judge. */
export function keepUndecided(
  request: IncomingMessage,
  places: readonly Place[],
  verdict: MaybePromise<Verdict>,
): MaybePromise<Verdict> {
  const keep = (each: Verdict): Verdict => {
    if (each.kind !== 'unavailable') return each;
    const credentials = places.length > 0 ? readEach(request, places) : usual(request);
    return { ...each, credentials };
  };
  return verdict instanceof Promise ? verdict.then(keep) : keep(verdict);
}

function usual(request: IncomingMessage): readonly string[] {
  return [...readEach(request, USUAL), ...everyCookie(request)];
}
