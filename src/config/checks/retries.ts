/** Retries that a route asks for and that can never happen. */
import type { Blocks } from '../blocks.js';
import type { Context } from '../context.js';
import type { PlannedUpstream } from '../plan-types.js';

const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];

export function checkRetries({ routes }: Blocks, upstreams: readonly PlannedUpstream[], { report }: Context): void {
  for (const { value, path } of routes) {
    const { retries, retry_codes: codes, methods, upstream } = value;
    const key = retries === undefined ? 'retry_codes' : 'retries';
    if ((retries === undefined && codes === undefined) || retries === 0) continue;
    const warn = (at: string, message: string): void =>
      report.warning({ path: [...path, at], code: 'no_effect', message });
    if (upstream === undefined) warn(key, 'has no effect: the route has no upstream');
    else if (methods?.every((method) => !IDEMPOTENT.includes(method)) === true) {
      warn(key, `has no effect: only ${IDEMPOTENT.join(', ')} are sent twice`);
    } else if (retries === undefined && !upstreams.find(({ name }) => name === upstream)?.retry?.maxRetries) {
      warn('retry_codes', 'has no effect: neither the route nor its upstream has retries');
    }
  }
}
