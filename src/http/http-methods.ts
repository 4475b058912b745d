/** HTTP methods that are never served, and the common ones for `Allow`. */

/** TRACE returns the credentials of a request, and CONNECT opens a tunnel. */
export const NEVER_SERVED: ReadonlySet<string> = new Set(['TRACE', 'CONNECT']);

/** The `Allow` value of a route without `methods`. */
export const COMMON_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
