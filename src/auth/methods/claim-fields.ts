/** Fields of the file that name claims and scopes. */
import { isClaimPath } from '../../lib/claim-path.js';
import { oneOrMore, plainText } from '../../lib/fields.js';

const POINTER = 'must be a JSON pointer such as "/kubernetes.io/namespace": names are not empty, "~" is written "~0"';

/** A claim by its name, its dotted path, or a JSON pointer. */
export const claimPath = () => plainText().refine((text) => isClaimPath(text), { error: POINTER });

/** Scopes that a credential must all have, as words or as a list. */
export const scopes = () => oneOrMore(plainText()).transform((list) => list.flatMap((text) => text.split(/ +/)));

/** Scopes of which a credential must have one. An entry of several words asks for all of its words. */
export const anyScope = (what = 'the token') =>
  oneOrMore(plainText()).describe(`Scopes of which ${what} must have one; several words in one entry: all of them.`);
