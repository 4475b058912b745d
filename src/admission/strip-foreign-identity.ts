/** Removes the identity headers of other products before a host's handler receives a request (docs/security.md). */
import type { Place } from '../auth/credentials.js';
import { goesOn, isOthersIdentity, type Sender } from '../http/header-policy.js';
import { stripWhere, type Strip } from './strip-identity-headers.js';

/**
 * Creates the removal for one kind of sender. Credential places are kept, as `Authorization` is: a `protect()` behind a
 * mount reads the credential again.
 */
export function createOthersStripper(sender: Sender, places: readonly Place[]): Strip {
  const read = new Set(places.flatMap((place) => (place.in === 'header' ? [place.name] : [])));
  return (context) => {
    const goes = (name: string): boolean => goesOn(name, sender) || read.has(name) || context.ownHeaders.has(name);
    return stripWhere(context, (name) => isOthersIdentity(name, sender) && !goes(name));
  };
}
