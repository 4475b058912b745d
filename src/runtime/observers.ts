/** The access log, the metrics and the trace of the requests of one plan, loaded only if the plan names them. */
import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { Plan } from '../config/plan-types.js';
import { editFields, setField } from '../http/fields.js';
import type { Metrics } from '../lib/metrics.js';
import type { Log } from '../lib/types.js';
import type * as AccessLogs from '../observe/access-log.js';
import type { Requests } from '../observe/requests.js';
import type * as Observed from '../observe/requests.js';
import type { Tracing } from '../observe/tracing.js';
import type * as TracingModule from '../observe/tracing.js';

const require = createRequire(import.meta.url);

interface Outlets {
  readonly log: Log;
  readonly metrics?: Metrics;
}

export interface Observers {
  readonly tracing: Tracing | undefined;
  readonly requests: Requests | undefined;
}

export function observersOf(plan: Plan, outlets: Outlets): Observers {
  const tracing = tracingOf(plan, outlets);
  return { tracing, requests: requestsOf(plan, outlets, tracing) };
}

function tracingOf({ tracing }: Plan, { log }: Outlets): Tracing | undefined {
  if (!tracing) return undefined;
  const { Tracing } = require('../observe/tracing.js') as typeof TracingModule;
  return new Tracing({ ...tracing, log });
}

/** Requests are not tracked if no access log, metrics or tracing uses the data. */
function requestsOf({ logging }: Plan, { log, metrics }: Outlets, tracing: Tracing | undefined): Requests | undefined {
  if (!logging.access && !metrics && !tracing) return undefined;
  const { AccessLog } = require('../observe/access-log.js') as typeof AccessLogs;
  const { Requests } = require('../observe/requests.js') as typeof Observed;
  const access = logging.access && new AccessLog(logging.access, log);
  return new Requests({ access, metrics, tracing, setField: replaceField });
}

function replaceField(req: IncomingMessage, name: string, value: string | undefined): void {
  if (value === undefined) editFields(req, (each, sent) => (each === name ? undefined : sent));
  else setField(req, name, value);
}
