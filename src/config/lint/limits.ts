/** Limits, tiers and quotas that no request reaches, because another rule is always reached before. */
import type { Rate } from '../../auth/identity.js';
import { methodsOf } from '../../auth/requirement.js';
import { foldName } from '../../http/header-policy.js';
import type { LimitKeyPart } from '../../limit/keys.js';
import { covers } from '../checks/patterns.js';
import type { Context } from '../context.js';
import type { Plan, PlannedMethod, PlannedQuota, PlannedRateLimit, PlannedTier } from '../plan-types.js';
import type { Path } from '../report.js';
import { coversAll } from './address-cover.js';

const BLOCK: Path = ['rate_limit'];

type Facts = Pick<Plan, 'methods' | 'routes' | 'unmatched' | 'rateLimit'>;

export function checkReach(plan: Facts, context: Context): void {
  const { rateLimit: limit } = plan;
  if (!limit) return;
  limit.tiers.forEach((tier, at) => {
    const why = tierFault(tier, { before: limit.tiers.slice(0, at), methods: plan.methods });
    if (why !== undefined) warn([...BLOCK, 'tiers', at, 'match'], why, context);
  });
  limit.quotas.forEach((quota, at) => {
    const why = quotaFault(quota, { limit, plan });
    if (why !== undefined) warn([...BLOCK, 'quotas', at, 'limit'], why, context);
  });
  checkRates(plan, limit, context);
}

function warn(path: Path, message: string, { report }: Context): void {
  report.warning({ path, code: 'unreachable_limit', message });
}

interface Others {
  readonly before: readonly PlannedTier[];
  readonly methods: readonly PlannedMethod[];
}

function tierFault({ match }: PlannedTier, { before, methods }: Others): string | undefined {
  const matchKey = (each: PlannedTier['match']): string =>
    JSON.stringify(
      each.kind === 'header' ? ['header', foldName(each.name), each.value] : ['claim', each.path, each.value],
    );
  const same = before.find((each) => matchKey(each.match) === matchKey(match));
  if (same) return `never counts: the tier ${JSON.stringify(same.name)} above has the same condition`;
  if (match.kind !== 'header') return undefined;
  const names = namesIn(match.name, methods);
  if (!names || names.has(match.value)) return undefined;
  return `never counts: no key or user of the file has this name, and nothing else sets ${match.name}`;
}

/** The names that a header can have; undefined if a token or the client decides. */
function namesIn(header: string, methods: readonly PlannedMethod[]): ReadonlySet<string> | undefined {
  const feeding = methods.filter(({ headers }) => headers.some((each) => foldName(each.header) === foldName(header)));
  if (feeding.length === 0) return undefined;
  const lists = feeding.map(({ options }) => listedNames(options));
  return lists.every((list) => list !== undefined) ? new Set(lists.flat()) : undefined;
}

function listedNames(options: unknown): readonly string[] | undefined {
  const { keys, users } = (options ?? {}) as { readonly keys?: unknown; readonly users?: unknown };
  const list = Array.isArray(keys) ? keys : users;
  if (!Array.isArray(list)) return undefined;
  const names = (list as readonly { readonly name?: string; readonly username?: string }[]).map(
    ({ name, username }) => name ?? username,
  );
  // A key without a name is named by its digest.
  return names.every((name) => name !== undefined) ? names : undefined;
}

const sameKey = (a: readonly LimitKeyPart[], b: readonly LimitKeyPart[]): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
const perMillisecond = ({ rate, perMs }: Rate): number => rate / perMs;

/** A smaller limit by the same key ends the requests of a window before the quota does. */
function quotaFault(
  quota: PlannedQuota,
  { limit, plan }: { limit: PlannedRateLimit; plan: Facts },
): string | undefined {
  const { rate, key } = quota;
  const other = limit.quotas.find(
    (each) => each !== quota && sameKey(each.key, key) && allows(each, quota) <= rate.burst,
  );
  if (other && (allows(quota, other) > other.rate.burst || limit.quotas.indexOf(other) < limit.quotas.indexOf(quota)))
    return `no request reaches this limit: the quota ${JSON.stringify(other.name)} by the same key is smaller`;
  const replaced = plan.routes.some((each) => each.rateLimit) || plan.methods.some((each) => each.limitsIdentities);
  if (!limit.rate || limit.tiers.length > 0 || replaced || !sameKey(limit.key, key)) return undefined;
  const most = limit.rate.burst + perMillisecond(limit.rate) * rate.perMs;
  return most <= rate.burst
    ? `no request reaches this limit: "rate" allows ${Math.floor(most)} in a window`
    : undefined;
}

/** How many requests a quota allows in a window of another one; windows begin at whole multiples of their length. */
function allows({ rate: { burst, perMs } }: PlannedQuota, { rate: other }: PlannedQuota): number {
  if (other.perMs % perMs === 0) return burst * (other.perMs / perMs);
  if (perMs % other.perMs === 0) return burst;
  return burst * (Math.ceil(other.perMs / perMs) + 1);
}

function checkRates({ routes, methods, unmatched }: Facts, limit: PlannedRateLimit, context: Context): void {
  const { rate, tiers, key } = limit;
  const quota = (of: Rate): PlannedQuota | undefined =>
    limit.quotas.find((each) => sameKey(each.key, key) && isAlwaysFirst(each.rate, of));
  const say = (path: Path, of: Rate): void => {
    const first = quota(of);
    if (first) warn(path, `no request reaches this limit: the quota ${JSON.stringify(first.name)} is smaller`, context);
  };
  routes.forEach(({ rateLimit }, at) => rateLimit && say(['routes', at, 'rate_limit'], rateLimit));
  tiers.forEach((tier, at) => say([...BLOCK, 'tiers', at, 'rate'], tier.rate));
  if (!rate) return;
  if (context.mode === 'serve' && !unmatched && routes.every((each) => each.rateLimit))
    warn([...BLOCK, 'rate'], 'no request counts here: every route has a rate_limit of its own', context);
  else if (everyCallerHasOwn(routes, methods)) {
    if (!key.some(({ kind }) => kind === 'ip'))
      warn([...BLOCK, 'rate'], 'no request counts here: every key has a rate_limit of its own', context);
  } else say([...BLOCK, 'rate'], rate);
}

/** A fixed window allows its limit twice around its border. */
function isAlwaysFirst(quota: PlannedQuota['rate'], of: Rate): boolean {
  return of.burst >= 2 * quota.burst && perMillisecond(of) >= perMillisecond(quota);
}

/** Whether each identity that can pass has a limit that replaces the global one. */
function everyCallerHasOwn(routes: Plan['routes'], methods: readonly PlannedMethod[]): boolean {
  const own = new Set(methods.filter(hasOwnEach).map(({ name }) => name));
  return routes.length > 0 && own.size > 0 && routes.every((route) => passesOnlyWith(route, own));
}

function hasOwnEach({ options }: PlannedMethod): boolean {
  const { keys } = (options ?? {}) as { readonly keys?: unknown };
  return (
    Array.isArray(keys) && keys.length > 0 && keys.every((key: { readonly rate_limit?: unknown }) => key.rate_limit)
  );
}

function passesOnlyWith({ requirement, rateLimit }: Plan['routes'][number], own: ReadonlySet<string>): boolean {
  const names = methodsOf(requirement);
  const isGuarded = requirement.kind === 'method' || requirement.kind === 'all';
  return rateLimit === undefined && isGuarded && names.some((name) => own.has(name));
}

/** Exemptions that leave nothing, or a route with a limit that is exempt. */
export function checkExemptRoutes({ rateLimit: limit, routes, unmatched }: Facts, context: Context): void {
  if (!limit) return;
  const { addresses, paths } = limit.exemptions;
  const list = [...BLOCK, 'exemptions'];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const name = family === 'ipv4' ? 'IPv4' : 'IPv6';
    if (coversAll(addresses, family))
      warn(list, `exempts every ${name} address: no limit of this block counts`, context);
  }
  const isExempt = ({ pattern }: Plan['routes'][number]): boolean => paths.some((each) => covers(each, pattern));
  const everyRoute = routes.length > 0 && !unmatched && context.mode === 'serve' && routes.every(isExempt);
  const everyPath = paths.some(({ segments, rest }) => segments.length === 0 && rest);
  if (everyPath || everyRoute)
    return warn(list, `exempts every ${everyPath ? 'path' : 'route'}: no limit of this block counts`, context);
  routes.forEach((route, at) => {
    if (!route.rateLimit || !isExempt(route)) return;
    warn(['routes', at, 'rate_limit'], 'no request counts here: rate_limit.exemptions has the path', context);
  });
}
