/** HTTP methods by how they are served: two never are, and `Allow` names the common ones of the rest. */

/** TRACE reflects credentials, CONNECT is a tunnel. */
export const NEVER_SERVED: ReadonlySet<string> = new Set(['TRACE', 'CONNECT']);

/** What a route without `methods` is said to allow. */
export const COMMON_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
