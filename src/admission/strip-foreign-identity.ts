/** Identity headers of other products: they go before a handler of the host sees a request (spec §5). */
import type { Place } from '../auth/credentials.js';
import { goesOn, isOthersIdentity, type Sender } from '../http/header-policy.js';
import { stripWhere, type Strip } from './strip-identity-headers.js';

/**
 * The removal for one kind of sender. The places of credentials stay, as `Authorization` does: a `protect()` behind a
 * mount reads the credential again.
 */
export function createOthersStripper(sender: Sender, places: readonly Place[]): Strip {
  const read = new Set(places.flatMap((place) => (place.in === 'header' ? [place.name] : [])));
  return (context) => {
    const goes = (name: string): boolean => goesOn(name, sender) || read.has(name) || context.ownHeaders.has(name);
    return stripWhere(context, (name) => isOthersIdentity(name, sender) && !goes(name));
  };
}
