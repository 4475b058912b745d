/** Places that several auth methods read, and the values in them that only one of these methods may receive. */
import type { MaybePromise } from '../lib/types.js';
import type { Attempt } from './combine.js';
import type { CompiledMethod } from './compile.js';
import { placesRead, type Place } from './credentials.js';
import type { MethodTraits } from './method-traits.js';
import type { MethodStrategy } from './method.js';
import type { Verdict } from './verdict.js';

/** What is known about another auth method of the file. */
export interface Reader {
  readonly places: readonly Place[];
  readonly ambient: MethodTraits['ambient'];
}

/** The places of a method that other methods of the file also read. */
export function sharedPlaces(places: readonly Place[], others: readonly Reader[]): readonly Place[] {
  const read = others.flatMap(placesRead);
  return places.filter((place) => read.some((other) => overlap(place, other)));
}

/** Whether one value can be in both places. A place without a scheme reads the values of all schemes. */
export function overlap(left: Place, right: Place): boolean {
  if (left.in !== right.in || left.name !== right.name) return false;
  const schemes = [left, right].flatMap((place) => (place.in === 'header' && place.scheme ? [place.scheme] : []));
  return schemes.length < 2 || schemes[0] === schemes[1];
}

/** An API key that is known is checked by its own method only: a server, plugin or host strategy never receives it. */
export function withoutKnown(method: CompiledMethod, owners: readonly MethodStrategy[]): CompiledMethod {
  if (owners.length === 0) return method;
  return {
    ...method,
    authenticate: (attempt) => {
      const waits = owners.flatMap((owner) => owner.prepare?.(attempt.request, method.places) ?? []);
      return waits.length === 0 ? withhold(attempt) : Promise.all(waits).then(() => withhold(attempt));
    },
  };
  function withhold(attempt: Attempt): MaybePromise<Verdict> {
    const known = owners.flatMap((owner) => owner.ownValues?.(attempt.request, method.places) ?? []);
    if (known.length === 0) return method.authenticate(attempt);
    // A method without places may read any part of the request. It runs only if it says what it reads.
    const undecided = attempt.undecided === true || method.places.length === 0;
    return method.authenticate({ ...attempt, refused: new Set([...attempt.refused, ...known]), undecided });
  }
}
