/** Connect lets a dot end a mount as a slash does: `/internal.x` comes to whoever is mounted at `/internal`. */
import type { IncomingMessage } from 'node:http';

/** No mount has as many dots in its own name. */
const MOST_DOTS = 32;

/** The paths before each dot, to whose mounts Connect may take the request; none in any other host. */
export function mountsBeforeDots(req: IncomingMessage, path: string): readonly string[] {
  // Connect alone keeps `originalUrl` without a `baseUrl`.
  const { originalUrl, baseUrl } = req as { readonly originalUrl?: unknown; readonly baseUrl?: unknown };
  if (originalUrl === undefined || baseUrl !== undefined) return [];
  const mounts: string[] = [];
  for (let dot = path.indexOf('.'); dot >= 0 && mounts.length < MOST_DOTS; dot = path.indexOf('.', dot + 1)) {
    if (path[dot - 1] !== '/') mounts.push(path.slice(0, dot));
  }
  return mounts;
}
