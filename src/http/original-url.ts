/** The whole request target, wherever in a host application Loom is mounted. */
import type { IncomingMessage } from 'node:http';

/** What Express and Connect add to a request. */
interface Mounted {
  readonly baseUrl?: unknown;
  readonly originalUrl?: unknown;
}

export interface WholeTarget {
  readonly whole: string;
  /** What Connect's next handlers see, where it is less: a mount cut the rest away, or a host rewrote the URL. */
  readonly cut?: string;
}

/**
 * Express keeps the mount point in `baseUrl`, Connect cuts it from `url` and keeps `originalUrl`. Undefined where a host
 * rewrote the URL so that it is unknown what the handlers after Loom will see: a path judged must be the path served.
 */
export function wholeTarget(req: IncomingMessage): WholeTarget | undefined {
  const { baseUrl, originalUrl } = req as Mounted;
  const url = req.url ?? '/';
  if (typeof originalUrl !== 'string' || originalUrl === url) return { whole: url };
  // Absolute-form: what a mount makes of it is nobody's to guess, the target's reader judges it.
  if (!originalUrl.startsWith('/')) return { whole: originalUrl };
  // Mounted at `/api`, a request for `/api?x` shows the URL `/?x`.
  const bare = url.startsWith('/?') || url === '/' ? url.slice(1) : url;
  if (typeof baseUrl === 'string') {
    return { whole: originalUrl === baseUrl + bare ? originalUrl : baseUrl + url };
  }
  const isCut = originalUrl.endsWith(url) || (bare !== url && originalUrl.endsWith(bare));
  return isCut ? { whole: originalUrl, cut: url } : undefined;
}
