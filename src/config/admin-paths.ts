/** Lists the paths of the pages of the admin address: the metrics can have none of them. */

/** A path that ends with `/*` is the page of every path below it. */
const ADMIN_PATHS = [
  '/',
  '/console/*',
  '/decisions',
  '/decisions/*',
  '/decisions/stream',
  '/diff',
  '/explain',
  '/health',
  '/ready',
  '/reasons',
  '/reloads',
  '/routes',
  '/shadow',
  '/status',
  '/upstreams',
] as const;

export type AdminPath = (typeof ADMIN_PATHS)[number];

/** Whether a page of the admin address has this path. */
export function isAdminPath(path: string): boolean {
  return ADMIN_PATHS.some((each: string) => (each.endsWith('/*') ? path.startsWith(each.slice(0, -1)) : each === path));
}
