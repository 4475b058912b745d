/** Finds Connect mounts that end at a dot: Connect passes `/internal.x` to the handler of `/internal`. */
import type { IncomingMessage } from 'node:http';

/** No mount has this many dots in its own name. */
const MOST_DOTS = 32;

/** Returns the paths before each dot. Connect may pass the request to their mounts. Empty for any other host. */
export function mountsBeforeDots(req: IncomingMessage, path: string): readonly string[] {
  // Only Connect keeps `originalUrl` without a `baseUrl`.
  const { originalUrl, baseUrl } = req as { readonly originalUrl?: unknown; readonly baseUrl?: unknown };
  if (originalUrl === undefined || baseUrl !== undefined) return [];
  const mounts: string[] = [];
  for (let dot = path.indexOf('.'); dot >= 0 && mounts.length < MOST_DOTS; dot = path.indexOf('.', dot + 1)) {
    if (path[dot - 1] !== '/') mounts.push(path.slice(0, dot));
  }
  return mounts;
}
