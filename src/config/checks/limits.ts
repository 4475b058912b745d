/** Rate limit keys that a client can choose, or that nothing ever fills. */
import type { Context } from '../context.js';
import type { Plan } from '../plan-types.js';

const KEY = ['rate_limit', 'key'];

export function checkLimits(plan: Omit<Plan, 'warnings'>, context: Context): void {
  const vouched = new Set([
    ...plan.identityHeaders.map((header) => header.toLowerCase()),
    ...plan.methods.flatMap(({ places }) => places).map((place) => (place.in === 'header' ? place.name : '')),
  ]);
  for (const part of plan.rateLimit?.key ?? []) {
    if (part.kind === 'header' && !vouched.has(part.name.toLowerCase())) {
      const message = `the client chooses ${part.name}: no method sets it, so it counts together with the address`;
      context.report.warning({ path: KEY, code: 'client_chooses', message });
    }
    if (part.kind === 'claim' && !plan.methods.some(({ type }) => type === 'jwt' || type === 'oauth')) {
      const message = `no method of the file knows the claim ${part.path}: requests count by address`;
      context.report.warning({ path: KEY, code: 'never_set', message });
    }
  }
  checkExemptions(vouched, context);
}

/** Whoever may choose the header would choose to be exempt. */
function checkExemptions(vouched: ReadonlySet<string>, context: Context): void {
  const list = ['rate_limit', 'exemptions'];
  const length = context.length(list) ?? 0;
  for (let at = 0; at < length; at++) {
    const name = context.value([...list, at, 'name']);
    if (context.value([...list, at, 'type']) !== 'header' || typeof name !== 'string') continue;
    if (vouched.has(name.toLowerCase())) continue;
    const message = `the client chooses ${name}: everybody could be exempt`;
    context.report.error({ path: [...list, at, 'name'], code: 'client_chooses', message });
  }
}
