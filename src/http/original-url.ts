/** Finds the whole request target for any mount point of Loom in a host application. */
import type { IncomingMessage } from 'node:http';

/** The properties that Express and Connect add to a request. */
interface Mounted {
  readonly baseUrl?: unknown;
  readonly originalUrl?: unknown;
}

export interface WholeTarget {
  readonly whole: string;
  /** The shorter URL that Connect's next handlers read. A mount removed the prefix, or a host rewrote the URL. */
  readonly cut?: string;
}

/**
 * Express keeps the mount point in `baseUrl`. Connect removes it from `url` and keeps `originalUrl`. Returns undefined
 * if a host rewrote the URL, because the URL of the handlers after Loom is then unknown. The path that Loom checks must
 * be the path that is served.
 */
export function wholeTarget(req: IncomingMessage): WholeTarget | undefined {
  const { baseUrl, originalUrl } = req as Mounted;
  const url = req.url ?? '/';
  if (typeof originalUrl !== 'string' || originalUrl === url) return { whole: url };
  // Absolute-form: the change by a mount is unknown, so `readTarget` checks the original target.
  if (!originalUrl.startsWith('/')) return { whole: originalUrl };
  // With a mount at `/api`, a request for `/api?x` has the URL `/?x`.
  const bare = url.startsWith('/?') || url === '/' ? url.slice(1) : url;
  if (typeof baseUrl === 'string') {
    return { whole: originalUrl === baseUrl + bare ? originalUrl : baseUrl + url };
  }
  const isCut = originalUrl.endsWith(url) || (bare !== url && originalUrl.endsWith(bare));
  return isCut ? { whole: originalUrl, cut: url } : undefined;
}
