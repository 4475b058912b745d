/** Finds a claim by its name, by a dotted path, or by a JSON pointer (RFC 6901) for names that contain dots. */

type Members = Readonly<Record<string, unknown>>;

/** The object that holds a claim, and the name of the claim in that object. */
export interface FoundClaim {
  readonly owner: Members;
  readonly name: string;
}

/** Whether a text is a claim path. A pointer has no other escapes than `~0` and `~1`, and no empty name. */
export function isClaimPath(text: string): boolean {
  return !text.startsWith('/') || (!/~(?![01])/.test(text) && text.slice(1).split('/').every(Boolean));
}

/**
 * Reads own properties only, so that `constructor.name` is not a claim. Does not read inside lists. A path without a
 * slash at its start is first looked up as one name, because names are often URLs.
 *
 * @example findClaim({ 'kubernetes.io': { namespace: 'prod' } }, '/kubernetes.io/namespace')?.name // 'namespace'
 */
export function findClaim(claims: Members, path: string): FoundClaim | undefined {
  if (path.startsWith('/')) return descend(claims, path.slice(1).split('/').map(unescaped));
  return Object.hasOwn(claims, path) ? { owner: claims, name: path } : descend(claims, path.split('.'));
}

/** Returns the value of a claim, or undefined if the claim is missing. */
export function claimAt(claims: Members, path: string): unknown {
  const found = findClaim(claims, path);
  return found?.owner[found.name];
}

/** Whether a dotted path means two claims: one with this name, and one inside another claim. */
export function isAmbiguousClaim(claims: Members, path: string): boolean {
  const isDotted = path.includes('.') && !path.startsWith('/');
  return isDotted && Object.hasOwn(claims, path) && descend(claims, path.split('.')) !== undefined;
}

/** As `claimAt`, for decisions: a path that means two claims has no value, because another reader may take the other. */
export function unambiguousClaimAt(claims: Members, path: string): unknown {
  return isAmbiguousClaim(claims, path) ? undefined : claimAt(claims, path);
}

/** OpenID Connect Core §5.1: an unverified email address is any text that the user entered. */
export function isUnverifiedEmail({ owner, name }: FoundClaim): boolean {
  return name === 'email' && Object.hasOwn(owner, 'email_verified') && owner['email_verified'] !== true;
}

function descend(claims: Members, names: string[]): FoundClaim | undefined {
  const last = names.pop() as string;
  let owner = claims;
  for (const name of names) {
    const next = Object.hasOwn(owner, name) ? owner[name] : undefined;
    if (typeof next !== 'object' || next === null || Array.isArray(next)) return undefined;
    owner = next as Members;
  }
  return Object.hasOwn(owner, last) ? { owner, name: last } : undefined;
}

/** RFC 6901 §4: `~1` is read before `~0`, so that `~01` is `~1` and not `/`. */
function unescaped(name: string): string {
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}
