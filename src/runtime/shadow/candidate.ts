/** A configuration that is compiled beside the live one and decides about copies of requests. */
import { admit } from '../../admission/admit.js';
import { corsQuestionOf } from '../../admission/cors.js';
import { AdmissionPolicy, type RoutingTables } from '../../admission/policy.js';
import { NotEvaluatedError } from '../../lib/not-evaluated.js';
import { offlineMethods, type OfflineMethods } from '../../auth/offline-methods.js';
import type { Offline } from '../../auth/method.js';
import type { Protection } from '../../auth/protection.js';
import type { Plan } from '../../config/plan-types.js';
import type { Guard, RequestContext } from '../../context/request-context.js';
import { replay } from '../../context/recorded-request.js';
import type { Log, MaybePromise, NonEmpty, Now } from '../../lib/types.js';
import { candidateJudgement, type Judgement } from './judgement.js';
import { recordedRequest, type Decided } from './observed.js';

/** Each request of a client could write a line. The live configuration has written it already. */
const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface CandidateParts {
  readonly standalone: boolean;
  readonly offline: Offline;
  /** Default: made here. */
  readonly tables?: RoutingTables | undefined;
}

export class Candidate {
  /** Whether a decision can depend on the certificate of the client. */
  readonly certificates: boolean;
  readonly #policy: AdmissionPolicy;
  readonly #methods: OfflineMethods;
  /** The time of the request that is judged now. */
  #at = 0;

  /** Its limits and failure budgets count in memory of their own, also if the file names a Redis server. */
  constructor(
    readonly plan: Plan,
    { standalone, offline, tables }: CandidateParts,
  ) {
    const now: Now = () => this.#at;
    this.#methods = offlineMethods(plan.methods, { now, log: SILENT, offline });
    this.#policy = new AdmissionPolicy(plan, { methods: this.#methods.compiled, now, log: SILENT, standalone }, tables);
    this.certificates =
      plan.methods.some(({ certificate, ambient }) => certificate || ambient === 'unknown') ||
      plan.listeners.some(({ tls }) => tls !== undefined && tls.clientCertHeaders.length > 0);
  }

  /**
   * Decides about a copy by the same stages as a live request. Requests are judged one after the other.
   *
   * @throws NotEvaluatedError if the decision needs the network, a hash or code that must not run twice
   */
  judge(decided: Decided): MaybePromise<Judgement> {
    this.#at = decided.at;
    const context = replay(recordedRequest(decided));
    const { hostGuard } = decided.observed;
    context.begin(decided.kind, hostGuard === undefined ? undefined : this.#guardOf(hostGuard));
    this.#policy.identify(context, undefined);
    if (decided.kind !== 'upgrade') context.kind = this.#isPreflight(context) ? 'preflight' : 'request';
    const denial = admit(this.#policy, context);
    return denial instanceof Promise
      ? denial.then((each) => candidateJudgement(context, each))
      : candidateJudgement(context, denial);
  }

  close(): Promise<void> {
    return this.#methods.close();
  }

  #isPreflight({ request }: RequestContext): boolean {
    return this.#policy.cors !== undefined && corsQuestionOf(request).preflight;
  }

  /** A guard in the code of the host, by its text. */
  #guardOf(key: string): Guard {
    try {
      const protection = JSON.parse(key) as Protection | readonly [NonEmpty<string>];
      // The guard of `passport.authenticate` has a list in a list.
      return Array.isArray(protection) && Array.isArray(protection[0])
        ? this.#policy.recordingGuardFor(protection[0] as unknown as NonEmpty<string>)
        : this.#policy.guardFor(protection as Protection);
    } catch {
      throw new NotEvaluatedError(
        undefined,
        'the file does not have the auth methods that the code of the host requires',
      );
    }
  }
}
