/** What a snapshot reports if it explains requests and serves none. */
import type { Aside, Heard } from '../auth/aside.js';
import type { CompiledMethods } from '../auth/compile.js';
import type { Decision } from '../auth/decision.js';
import type { MethodsInUse } from '../auth/methods-in-use.js';
import type { PlannedUpstream } from '../config/plan-types.js';
import type { RequestContext } from '../context/request-context.js';
import type { Upstream } from '../proxy/upstream.js';

/** Takes the place of the parts of a snapshot that have effects outside of it. */
export interface SnapshotAside extends Aside {
  readonly heard: Heard;
  readonly decided: (context: RequestContext, decision: Decision) => void;
  readonly upstream: (planned: PlannedUpstream) => Upstream;
}

/** Returns the compiled methods of a snapshot. Each one reports its verdicts. */
export function heardMethods({ compiled }: MethodsInUse, { heard }: SnapshotAside): CompiledMethods {
  return new Map(
    [...compiled].map(([name, method]) => [
      name,
      { ...method, heard: (request, verdict) => heard(request, name, verdict) },
    ]),
  );
}
