/** Which options of a file depend on the client address. */
import { methodOfType } from '../auth/methods.js';
import type { Plan } from './plan-types.js';

/** Returns the first option of the file whose effect depends on the client address. */
export function addressUseOf({
  rateLimit,
  routes,
  methods,
  upstreams,
}: Pick<Plan, 'rateLimit' | 'routes' | 'methods' | 'upstreams'>): string | undefined {
  if (rateLimit || routes.some((route) => route.rateLimit)) return 'rate_limit';
  const options = methods.map((each) => each.options as Options | undefined);
  if (methods.some((each) => methodOfType(each.type)?.limitsAddresses?.(each.options))) return 'allowed_ips';
  if (options.some((each) => each?.throttle)) return 'throttle';
  return upstreams.some(({ balancer }) => balancer === 'ip_hash') ? 'ip_hash' : undefined;
}

/** The options of auth methods that depend on the client address. */
interface Options {
  readonly throttle?: unknown;
}
