/** What Loom documents and this project does not do yet: a warning, and an error where it would have narrowed access. */
import type { Context } from '../context.js';
import type { Path } from '../report.js';
import { NOT_IMPLEMENTED } from '../schema/file.js';

type Level = 'error' | 'warning';
type Unbuilt = Readonly<Record<string, Level>>;

const TOP: Unbuilt = {
  ...Object.fromEntries(Object.keys(NOT_IMPLEMENTED).map((key) => [key, 'warning'] as const)),
  multi_tenancy: 'error',
};

const ROUTE: Unbuilt = { retries: 'warning', retry_codes: 'warning' };

const UPSTREAM: Unbuilt = { health_check: 'warning', circuit_breaker: 'warning', retry: 'warning' };

const WORDS: Readonly<Record<string, string>> = {
  multi_tenancy: 'is not built, and without it more would pass than the file says',
};

/** Balancers that fall back to taking turns. */
const UNBUILT_BALANCERS = new Set<unknown>(['least_conn', 'random', 'ip_hash']);

export function reportUnbuilt(context: Context): void {
  reportKeys(context, [], TOP);
  each(context, 'routes', (path) => reportKeys(context, path, ROUTE));
  each(context, 'upstreams', (path) => {
    reportKeys(context, path, UPSTREAM);
    reportKeys(context, [...path, 'timeout'], { write: 'warning', idle: 'warning' });
    for (const balancer of [
      [...path, 'load_balancer'],
      [...path, 'load_balancing', 'algorithm'],
    ]) {
      if (!UNBUILT_BALANCERS.has(context.value(balancer))) continue;
      context.report.warning({ path: balancer, code: 'not_built', message: 'is not built yet: endpoints take turns' });
    }
  });
}

function each(context: Context, list: string, visit: (path: Path) => void): void {
  const length = context.length([list]) ?? 0;
  for (let at = 0; at < length; at++) visit([list, at]);
}

function reportKeys(context: Context, above: Path, unbuilt: Unbuilt): void {
  for (const key of context.keys(above)) {
    const level = Object.hasOwn(unbuilt, key) ? unbuilt[key] : undefined;
    const path = [...above, key];
    if (level === undefined || context.value([...path, 'enabled']) === false) continue;
    const message = WORDS[key] ?? 'is not built yet and has no effect';
    context.report[level]({ path, code: 'not_built', message, at: 'key' });
  }
}
