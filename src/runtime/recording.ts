/** Connects requests and auth methods to the records of decisions, where the plan keeps records. */
import { createRequire } from 'node:module';
import type { CompiledMethods } from '../auth/compile.js';
import type { MethodsInUse } from '../auth/methods-in-use.js';
import type { Plan } from '../config/plan-types.js';
import type { DecisionSink, RequestContext } from '../context/request-context.js';
import type { Log } from '../lib/types.js';
import type * as Sampling from '../observe/sampled-log.js';
import type * as Findings from '../admission/method-findings.js';
import type * as Asides from './aside.js';
import type { SnapshotAside } from './aside.js';

const require = createRequire(import.meta.url);

const keepsRecords = ({ admin }: Plan): boolean => (admin?.decisions ?? 0) > 0;

/** Returns the compiled methods of a snapshot. Without records, no request pays for the notes of the methods. */
export function reportingMethods(methods: MethodsInUse, plan: Plan, { records, aside }: Recorded): CompiledMethods {
  if (aside) return (require('./aside.js') as typeof Asides).heardMethods(methods, aside);
  if (!records || !keepsRecords(plan)) return methods.compiled;
  const { observedMethods } = require('../admission/method-findings.js') as typeof Findings;
  return observedMethods(methods.compiled);
}

interface Recorded {
  readonly records?: DecisionSink | undefined;
  /** An explanation is no decision. */
  readonly aside?: SnapshotAside | undefined;
}

/** The records outlive the configuration, so the context may refer to them. */
export function beginRecord(context: RequestContext, plan: Plan, { records, aside }: Recorded): RequestContext {
  if (!records || aside || !keepsRecords(plan)) return context;
  context.records = records;
  context.arrivedMs = performance.now();
  return context;
}

/** Returns the log of the policy, which writes the lines about denials. */
export function denialLogOf({ logging }: Plan, log: Log): Log {
  if (logging.deniedSample === undefined) return log;
  const { SampledLog } = require('../observe/sampled-log.js') as typeof Sampling;
  return new SampledLog(log, () => logging.deniedSample);
}
