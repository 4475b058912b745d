/** The upstreams of one plan. An upstream with the same configuration continues with its state after a reload. */
import { createRequire } from 'node:module';
import { deny } from '../admission/deny.js';
import { logDenial } from '../admission/denial-log.js';
import type { PlannedUpstream } from '../config/plan-types.js';
import { isDeepStrictEqual } from '../lib/node-util.js';
import type * as Upstreams from '../proxy/upstream.js';
import type { Upstream, UpstreamStatus, UpstreamDeps } from '../proxy/upstream.js';
import type { SnapshotAside } from './aside.js';

const require = createRequire(import.meta.url);

/** It closes when the last snapshot that uses it ends. */
interface InUse {
  readonly planned: PlannedUpstream;
  readonly upstream: Upstream;
  snapshots: number;
}

type Deps = Omit<UpstreamDeps, 'onFailure'> & { readonly aside?: SnapshotAside | undefined };

export class UpstreamsInUse {
  readonly #inUse: ReadonlyMap<string, InUse>;

  constructor(planned: readonly PlannedUpstream[], deps: Deps, previous?: UpstreamsInUse) {
    this.#inUse = new Map(planned.map((each) => [each.name, previous?.same(each) ?? start(each, deps)]));
    for (const each of this.#inUse.values()) each.snapshots += 1;
  }

  get byName(): ReadonlyMap<string, Upstream> {
    return new Map([...this.#inUse].map(([name, { upstream }]) => [name, upstream]));
  }

  status(): readonly UpstreamStatus[] {
    return [...this.#inUse.values()].map(({ upstream }) => upstream.status());
  }

  /** Must be called once. */
  close(): void {
    for (const each of this.#inUse.values()) {
      each.snapshots -= 1;
      if (each.snapshots === 0) each.upstream.close();
    }
  }

  private same(planned: PlannedUpstream): InUse | undefined {
    const known = this.#inUse.get(planned.name);
    // The key is not an enumerable property, so that comparisons of plans do not see it.
    const same = known?.planned.tls?.key === planned.tls?.key && isDeepStrictEqual(known?.planned, planned);
    return same ? known : undefined;
  }
}

/** Not a method: an upstream outlives snapshots, so it must not refer to one. */
function start(planned: PlannedUpstream, deps: Deps): InUse {
  const { log, aside } = deps;
  if (aside) return { planned, upstream: aside.upstream(planned), snapshots: 0 };
  // The proxy loads only for files with an upstream.
  const { createUpstream } = require('../proxy/upstream.js') as typeof Upstreams;
  const onFailure: UpstreamDeps['onFailure'] = (context, res, { status, code }) => {
    const denial = { status, code };
    deny(res, denial, logDenial(log, context, denial));
  };
  return { planned, upstream: createUpstream(planned, { ...deps, onFailure }), snapshots: 0 };
}
