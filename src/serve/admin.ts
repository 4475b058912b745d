/** Opens the admin endpoint beside the listeners of a gateway. */
import { createRequire } from 'node:module';
import { offerDecisions } from '../admin/decisions.js';
import { openAdmin, type AdminListener } from '../admin/listener.js';
import { pagesOf, type AdminSources } from '../admin/pages.js';
import type { WorkerChannel } from '../admin/worker-channel.js';
import type { Plan } from '../config/plan-types.js';
import type { Metrics } from '../lib/metrics.js';
import type { Log, Now } from '../lib/types.js';
import type * as Records from '../admission/decision-records.js';
import type { DecisionRecords } from '../admission/decision-records.js';
import type { ExplainRequest } from '../runtime/explain/explanation.js';
import type { Loom } from '../runtime/middleware.js';
import { PortError } from './gatekeeper.js';
import { certificateEnd, revocationState } from './tls.js';

const require = createRequire(import.meta.url);

interface AdminParts {
  readonly log: Log;
  readonly state: AdminSources['state'];
  readonly channel: WorkerChannel;
  readonly records: DecisionRecords | undefined;
}

/** The records of decisions exist only for an admin endpoint that shows them. */
export function recordsOf({ admin }: Plan, now: Now, worker: number | undefined): DecisionRecords | undefined {
  if (!admin) return undefined;
  const { DecisionRecords } = require('../admission/decision-records.js') as typeof Records;
  return new DecisionRecords({ capacity: admin.decisions, now, worker });
}

/** Returns undefined if the file has no admin endpoint. */
export async function adminOf(
  loom: Loom,
  { log, state, channel, records }: AdminParts,
): Promise<AdminListener | undefined> {
  const { admin, metrics } = loom.plan;
  if (!admin) return undefined;
  if (records) offerDecisions(records, channel);
  try {
    const plan = (): Plan => loom.plan;
    channel.answer('shadow', () => loom.shadow());
    const pages = pagesOf({
      plan,
      state,
      channel,
      upstreams: () => loom.upstreams(),
      explain: (request, asker) => loom.explain(request as ExplainRequest, { asker }),
      ...(metrics && { metrics: () => loom.metrics() }),
    });
    return await openAdmin(admin, { log, plan, pages });
  } catch (cause) {
    throw new PortError('admin', admin.port, { cause: cause as NodeJS.ErrnoException });
  }
}

/** Logs the admin and metrics settings that a reload cannot change. */
export function tellUnchanged(before: Plan, { admin, metrics }: Plan, log: Log): void {
  const where = (plan: Pick<Plan, 'admin'>): string => JSON.stringify([plan.admin?.host, plan.admin?.port]);
  const counted = JSON.stringify(metrics?.buckets) === JSON.stringify(before.metrics?.buckets);
  if (where({ ...(admin && { admin }) }) !== where(before) || !counted || !metrics !== !before.metrics)
    log.warn({ event: 'config' }, 'admin.address and metrics change with a restart');
}

/** Looked up when the metrics are read. */
export function tellCertificates(metrics: Metrics, { listeners }: Plan): void {
  for (const planned of listeners) {
    const { name: listener, tls } = planned;
    const revocation = revocationState(planned);
    if (revocation) {
      metrics.gauge('loom_crl_faults', { listener }, revocation.faults.length);
      const ends = revocation.lists.flatMap(({ nextUpdate }) => (nextUpdate === undefined ? [] : [nextUpdate]));
      if (ends.length > 0)
        metrics.gauge('loom_crl_expiry_timestamp_seconds', { listener }, Math.floor(Math.min(...ends) / 1_000));
    }
    const end = tls && certificateEnd(tls);
    if (end !== undefined) metrics.gauge('loom_certificate_expiry_timestamp_seconds', { listener }, end);
  }
}
