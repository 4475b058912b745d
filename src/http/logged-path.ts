/** The path and the host of a request as log lines contain them. */

/** A `;`, `?` or `#`, also in escapes and in the characters that Unicode normalization converts to them. */
const MARK = /[;?#]|%(?:25)*(?:3b|3f|23)|%(?:25)*ef%(?:25)*bc%(?:25)*(?:9b|9f|83)|%(?:25)*cd%(?:25)*be/i;
/** A query that a client began with `&` instead of `?`. */
const LOST_QUERY = /(?:&|%(?:25)*26)(?=[^/&=]*(?:=|%(?:25)*3d))/i;
const AUTHORITY = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i;
const SEGMENTS = /[^/\\?#]+/g;
const AT = /@|%40/gi;
const LONGEST = 512;
/** The usual path, which is logged as it is. */
const PLAIN = /^[\w./~-]{0,512}$/;

/**
 * Returns the path of a request target up to the first `;`, `?` or `#`. The text after such a character may contain a
 * credential: a client that encodes `?` sends `/a%3ftoken=…`, and a client that forgets `?` sends `/a&token=…`. An
 * absolute-form target loses its authority, which may contain a password. The text before an `@` is left out for the same
 * reason.
 *
 * @example loggedPath('/a%3Ftoken=secret') // '/a'
 */
export function loggedPath(target: string): string {
  if (PLAIN.test(target)) return target;
  const path = target.replace(AUTHORITY, '').replace(SEGMENTS, withoutUser).slice(0, LONGEST);
  const ends = [path.search(MARK), path.search(LOST_QUERY)].filter((at) => at >= 0);
  return ends.length === 0 ? path : path.slice(0, Math.min(...ends));
}

const HOST = /^(?:[\w.-]{1,253}|\[[\da-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** Returns the value of `Host` if it is a plain authority. Another text may contain a password. */
export function loggedHost(host: string | undefined): string | undefined {
  return host === undefined || HOST.test(host) ? host : '(not a host)';
}

/** Removes `user:password`, as in `//user:password@host/a`. */
function withoutUser(segment: string): string {
  const last = [...segment.matchAll(AT)].at(-1);
  return last ? `…@${segment.slice(last.index + last[0].length)}` : segment;
}
