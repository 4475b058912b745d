/** Removes the credentials from the fields and the URL of a request, and leaves the rest of the fields. */
import type { IncomingMessage } from 'node:http';
import { credentialRemoval, withoutCredentials, type Kept } from '../../src/admission/strip-credentials.js';
import type { Place } from '../../src/auth/credentials.js';
import { editFields } from '../../src/http/fields.js';

/** Returns the URL. */
export function emptyCredentials(
  req: IncomingMessage,
  places: readonly Place[],
  { kept, url }: { readonly kept: Kept; readonly url: string },
): string {
  editFields(req, credentialRemoval(req, places, kept));
  return withoutCredentials(url, places);
}
