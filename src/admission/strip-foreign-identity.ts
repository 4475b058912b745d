/** Identity headers of other products: they go before a handler of the host sees a request (spec §5). */
import type { IncomingMessage } from 'node:http';
import type { Place } from '../auth/credentials.js';
import { goesOn, isOthersIdentity, type Sender } from '../http/header-policy.js';
import { Note } from '../lib/note.js';
import { stripWhere, type Strip } from './strip-identity-headers.js';

const setHere = new Note<Set<string>>('identity headers that a gateway of this process has set');

/** Remembers a header that a gateway has set, so that a second gateway before the same request leaves it. */
export function noteSet(req: IncomingMessage, name: string): void {
  const names = setHere.of(req) ?? new Set();
  setHere.set(req, names.add(name.toLowerCase()));
}

/** Whether a gateway of this process has set the header of the request. */
export function isSetHere(req: IncomingMessage, name: string): boolean {
  return setHere.of(req)?.has(name) === true;
}

/**
 * The removal for one kind of sender. The places of credentials stay, as `Authorization` does: a `protect()` behind a
 * mount reads the credential again.
 */
export function createOthersStripper(sender: Sender, places: readonly Place[]): Strip {
  const read = new Set(places.flatMap((place) => (place.in === 'header' ? [place.name] : [])));
  return (req) => {
    const goes = (name: string): boolean => goesOn(name, sender) || read.has(name) || isSetHere(req, name);
    stripWhere(req, (name) => isOthersIdentity(name, sender) && !goes(name));
  };
}
