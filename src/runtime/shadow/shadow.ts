/** Judges copies of live requests by another configuration, off the hot path, and reports what would change. */
import type { AdmissionPolicy } from '../../admission/policy.js';
import type { Decision } from '../../auth/decision.js';
import { NotEvaluatedError } from '../../lib/not-evaluated.js';
import type { RequestContext } from '../../context/request-context.js';
import type { Observer } from '../../gateway/shadow-slot.js';
import { loggedHost, loggedPath } from '../../http/logged-path.js';
import { LogThrottle } from '../../lib/log-throttle.js';
import type { Metrics } from '../../lib/metrics.js';
import type { Log, Now } from '../../lib/types.js';
import type { Candidate } from './candidate.js';
import { Differences } from './differences.js';
import { differenceOf, liveJudgement, subjectOf, type Judgement } from './judgement.js';
import { Observed, type Decided } from './observed.js';
import { keyOf, type ShadowCounts, type ShadowDifference } from './report.js';
import { WorkQueue } from './work-queue.js';

export interface ShadowDeps {
  readonly log: Log;
  readonly now: Now;
  readonly metrics?: Metrics | undefined;
  readonly standalone: boolean;
}

/** The line of a difference. `from` and `to` are the decisions of the file in use and of the shadow file. */
export interface ShadowFacts {
  readonly event: 'shadow';
  readonly difference: ShadowDifference['kind'];
  readonly http_method: string;
  readonly host: string | undefined;
  readonly path: string;
  readonly route: string | undefined;
  readonly from: string;
  readonly subject: string | undefined;
  readonly candidate_route: string | undefined;
  readonly to: string;
  readonly candidate_subject: string | undefined;
  readonly detail: string;
  /** Requests with this difference. */
  readonly count: number;
}

/** Requests that wait. About 8 MiB of headers at most. */
const MOST_WAITING = 2_000;
const MOST_BYTES = 8_388_608;
/** The most causes of requests that were not evaluated. Names of the file bound them. */
const MOST_CAUSES = 32;
const FAILED = 'the live decision or the evaluation failed';

export class Shadow implements Observer {
  readonly differences = new Differences();
  readonly notEvaluated = new Map<string, number>();
  readonly counts = { same: 0, different: 0, not_evaluated: 0, dropped: 0 };
  readonly #queue: WorkQueue<Decided>;
  readonly #lines: LogThrottle;

  constructor(
    private readonly candidate: Candidate,
    private readonly deps: ShadowDeps,
  ) {
    this.#lines = new LogThrottle(deps.now);
    this.#queue = new WorkQueue({
      work: (decided) => this.#judge(decided),
      most: MOST_WAITING,
      mostSize: MOST_BYTES,
      sizeOf: ({ observed }) => observed.size,
    });
  }

  arrived(context: RequestContext, policy: AdmissionPolicy): void {
    context.recording = undefined;
    if (this.#queue.isFull) return this.#count('dropped');
    try {
      const { certificates } = this.candidate;
      const hostGuard = policy.hostKeyOf(context.hostGuard);
      context.recording = new Observed(context, { certificates, hostGuard, hosted: !this.deps.standalone });
    } catch {
      this.#leaveOut(FAILED);
    }
  }

  decided(context: RequestContext, decision: Decision): void {
    const { recording: observed, kind } = context;
    context.recording = undefined;
    if (!(observed instanceof Observed)) return;
    if (decision.outcome === 'failed') return this.#leaveOut(FAILED);
    if (this.#queue.isFull) return this.#count('dropped');
    this.#queue.add({ observed, kind, live: liveJudgement(context, decision), at: this.deps.now() });
  }

  /** Resolves when no copy waits. */
  drained(): Promise<void> {
    return this.#queue.drained();
  }

  async close(): Promise<void> {
    this.#queue.close();
    await this.candidate.close();
  }

  #judge(decided: Decided): void | Promise<void> {
    try {
      const judged = this.candidate.judge(decided);
      if (!(judged instanceof Promise)) return this.#compare(decided, judged);
      return judged.then((each) => this.#compare(decided, each)).catch((cause: unknown) => this.#fail(cause));
    } catch (cause) {
      this.#fail(cause);
    }
  }

  #fail(cause: unknown): void {
    if (cause instanceof NotEvaluatedError) return this.#leaveOut(cause.message);
    this.#leaveOut(FAILED);
    this.#lines.log(FAILED, () =>
      this.deps.log.warn({ event: 'shadow', err: cause }, 'a copy of a request could not be judged'),
    );
  }

  #leaveOut(why: string): void {
    this.#count('not_evaluated');
    const known = this.notEvaluated.get(why);
    if (known !== undefined || this.notEvaluated.size < MOST_CAUSES) this.notEvaluated.set(why, (known ?? 0) + 1);
  }

  #count(outcome: keyof ShadowCounts): void {
    this.counts[outcome] += 1;
    this.deps.metrics?.count('loom_shadow_requests_total', { outcome });
  }

  #compare({ observed, live, at }: Decided, candidate: Judgement): void {
    const kind = differenceOf(live, candidate);
    if (kind === undefined) return this.#count('same');
    this.#count('different');
    const reason = kind === 'decision' ? (candidate.reason ?? candidate.code ?? 'none') : kind;
    this.deps.metrics?.count('loom_shadow_differences_total', { from: live.outcome, to: candidate.outcome, reason });
    const { head } = observed;
    const host = loggedHost(hostIn(head.rawHeaders));
    const path = loggedPath(typeof head.originalUrl === 'string' ? head.originalUrl : head.url);
    const group = this.differences.add({ kind, live, candidate, at, http_method: head.method, host, path });
    if (group) this.#tell(group, { live, candidate });
  }

  /** One line for each kind of difference and minute. A flood of one kind is a count. */
  #tell(
    group: ShadowDifference,
    { live, candidate }: { readonly live: Judgement; readonly candidate: Judgement },
  ): void {
    const { kind, from, to, why, http_method, host, path, count } = group;
    this.#lines.log(keyOf(group), (omitted) => {
      const facts: ShadowFacts = {
        event: 'shadow',
        difference: kind,
        http_method,
        host,
        path,
        route: from.route,
        from: textOf(live),
        subject: subjectOf(live),
        candidate_route: to.route,
        to: textOf(candidate),
        candidate_subject: subjectOf(candidate),
        detail: why,
        count,
      };
      this.deps.log.info(omitted > 0 ? { ...facts, omitted } : facts, 'the shadow file decides otherwise');
    });
  }
}

function hostIn(rawHeaders: readonly string[]): string | undefined {
  const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  return at < 0 ? undefined : rawHeaders[at + 1];
}

/** @example textOf({ outcome: 'rejected', status: 401, reason: 'token_audience', … }) // 'rejected 401 token_audience' */
function textOf({ outcome, status, code, reason }: Judgement): string {
  return status === undefined ? outcome : `${outcome} ${status} ${reason ?? code ?? ''}`;
}
