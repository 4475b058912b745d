/** From `admin`, `metrics` and `tracing` to what is opened, counted and traced. */
import { parseAddress } from '../address.js';
import type { Blocks } from '../blocks.js';
import type { AdminAuth, Plan, PlannedAdmin, PlannedMetrics } from '../plan-types.js';
import type { AdminBlock, MetricsBlock } from '../schema/operations.js';

const DEFAULT_ADDRESS = '127.0.0.1:9091';

export type PlannedOperations = Pick<Plan, 'admin' | 'metrics' | 'tracing'>;

/** Either of `admin` and `metrics` opens the address and counts, unless the other one says no. */
export function planOperations({ admin, metrics, tracing }: Pick<Blocks, keyof PlannedOperations>): PlannedOperations {
  const counted = metrics === undefined ? admin?.enabled === true : isCounted(metrics);
  const opened = admin === undefined ? counted : admin.enabled;
  return {
    ...(opened && { admin: planAdmin(admin) }),
    ...(counted && { metrics: planMetrics(metrics) }),
    ...(tracing?.enabled && { tracing: { sampleRate: tracing.sample_rate } }),
  };
}

function isCounted({ enabled = true, prometheus }: MetricsBlock): boolean {
  return enabled && prometheus?.enabled !== false;
}

function planAdmin(block: AdminBlock | undefined): PlannedAdmin {
  const { host, port = 9091 } = parseAddress(block?.address ?? DEFAULT_ADDRESS) ?? {};
  return {
    ...(host !== undefined && { host }),
    port,
    decisions: block?.decisions ?? 1_000,
    auth: planAuth(block?.auth),
    ...operatorOf(block?.auth),
    realm: block?.auth?.realm ?? 'loom admin',
  };
}

function operatorOf(auth: AdminBlock['auth']): Pick<PlannedAdmin, 'operator'> {
  if (!auth?.enabled || !auth.operator) return {};
  return { operator: concealed({}, { token: auth.operator.token }) };
}

function planAuth(auth: AdminBlock['auth']): AdminAuth {
  if (auth?.enabled === false) return { kind: 'none' };
  if (auth?.users) return concealed({ kind: 'users' as const }, { users: auth.users });
  if (auth?.type === 'basic' && auth.basic) {
    const { username, password } = auth.basic;
    return concealed({ kind: 'basic' as const, username }, { password });
  }
  if (auth?.type === 'bearer' && auth.bearer)
    return concealed({ kind: 'bearer' as const }, { token: auth.bearer.token });
  return { kind: 'none' };
}

/** A plan is printed; what is a secret in it is not. */
function concealed<T extends object, S extends object>(shown: T, secrets: S): T & S {
  for (const [name, value] of Object.entries(secrets)) Object.defineProperty(shown, name, { value, enumerable: false });
  return shown as T & S;
}

function planMetrics(block: MetricsBlock | undefined): PlannedMetrics {
  const buckets = block?.prometheus?.buckets ?? block?.buckets;
  return { path: block?.prometheus?.path ?? block?.path ?? '/metrics', ...(buckets && { buckets }) };
}
