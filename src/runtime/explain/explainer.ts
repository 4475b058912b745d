/** Explains requests: a snapshot of the same plan judges a described request, without network and without effects. */
import type { MethodsInUse } from '../../auth/methods-in-use.js';
import type { Aside } from '../../auth/aside.js';
import type { Plan } from '../../config/plan-types.js';
import type { Now } from '../../lib/types.js';
import type { Limiter } from '../../limit/limiter.js';
import { Snapshot } from '../snapshot.js';
import { readDescription } from './described-request.js';
import { endpointOf } from './endpoint.js';
import type { Explanation } from './explanation.js';
import { report } from './report.js';
import { OfflineServer } from './offline-server.js';
import { silentUpstream, Evaluation } from './evaluation.js';

export interface ExplainerParts extends Pick<Aside, 'online' | 'keysOf' | 'runsPlugins'> {
  readonly plan: Plan;
  /** Whether requests arrive through listeners of the plan. */
  readonly standalone: boolean;
  readonly now: Now;
  /** The auth methods of the same plan that serve requests. Their loaded keys and cached answers are read. */
  readonly live?: MethodsInUse | undefined;
}

export class Explainer {
  readonly #snapshot: Snapshot;
  readonly #server: OfflineServer;
  /** The explanations run one after the other, because each one has a clock of its own. */
  #last: Promise<unknown> = Promise.resolve();
  #evaluation: Evaluation | undefined;

  constructor(private readonly parts: ExplainerParts) {
    const { plan, standalone, live, online, keysOf, runsPlugins } = parts;
    this.#snapshot = Snapshot.create(quiet(plan), {
      strategies: {},
      standalone,
      now: () => this.#now(),
      log: {
        info: (facts) => this.#evaluation?.logged(facts),
        warn: () => undefined,
        error: () => undefined,
      },
      limiters: { lease: () => ({ limiter: this.#limiter, release: () => Promise.resolve() }) },
      aside: {
        ...{ online, live, keysOf, runsPlugins, asker: () => this.#evaluation?.asker },
        heard: (request, name, verdict) => this.#evaluation?.heard(request, name, verdict),
        decided: (context, decision) => this.#evaluation?.decided(context, decision),
        upstream: (planned) => silentUpstream(planned, (url) => this.#evaluation?.forwarded(url)),
      },
    });
    this.#server = new OfflineServer(this.#snapshot, standalone);
  }

  /** @throws {TypeError} The description is not a request. */
  async explain(given: unknown, asker?: string): Promise<Explanation> {
    const description = readDescription(given);
    const turn = this.#last.then(() => this.#explain(description, asker));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#snapshot.close();
  }

  async #explain(description: ReturnType<typeof readDescription>, asker: string | undefined): Promise<Explanation> {
    const { plan, standalone, now } = this.parts;
    await this.#snapshot.ready;
    const at = description.at ?? now();
    const endpoint = endpointOf(plan, description, { standalone, now: at });
    const evaluation = new Evaluation(plan, at, asker);
    this.#evaluation = evaluation;
    try {
      if (endpoint.handshakeFault === undefined) await this.#server.run(evaluation, { description, endpoint });
      return report({ plan, description, endpoint, evaluation });
    } finally {
      this.#evaluation = undefined;
    }
  }

  /** Every limit passes, and no token is taken. */
  readonly #limiter: Limiter = {
    ready: Promise.resolve(),
    takeAll: (claims) => {
      this.#evaluation?.limited(claims);
      return undefined;
    },
    close: () => Promise.resolve(),
  };

  #now(): number {
    return this.#evaluation?.at ?? this.parts.now();
  }
}

/** An explanation writes no access line and no span. */
function quiet(plan: Plan): Plan {
  const { level, format, requestId } = plan.logging;
  const quieted: { -readonly [Name in keyof Plan]: Plan[Name] } = {
    ...plan,
    logging: { level, format, ...(requestId && { requestId }) },
  };
  delete quieted.tracing;
  return quieted;
}
