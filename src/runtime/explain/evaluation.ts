/** What the stages of a snapshot report about one described request. */
import type { IncomingMessage } from 'node:http';
import { readOffer } from '../../auth/credentials.js';
import type { Decision } from '../../auth/decision.js';
import { textOf } from '../../auth/refusal-detail.js';
import type { Verdict } from '../../auth/verdict.js';
import type { Plan, PlannedUpstream } from '../../config/plan-types.js';
import type { RequestContext } from '../../context/request-context.js';
import type { DenialCode } from '../../http/problem.js';
import { NotEvaluatedError } from '../../lib/not-evaluated.js';
import type { Claim } from '../../limit/store.js';
import { UpstreamShortage } from '../../proxy/failure.js';
import type { Upstream } from '../../proxy/upstream.js';
import type { ExplainedMethod } from './explanation.js';

/** The verdict of an auth method, and what it found in its places. */
export interface HeardVerdict {
  readonly name: string;
  readonly verdict: Verdict;
  readonly found: ExplainedMethod['found'];
}

/** The line that the log of a gateway would have. */
export interface DenialLine {
  readonly status: number;
  readonly code: DenialCode;
  readonly detail?: string | undefined;
}

/** `handed_over`: the upstream, the host application or the client gets what Loom has decided. */
export type End = 'handed_over' | 'denied' | 'answered' | 'health' | { readonly unreadable: string | undefined };

export class Evaluation {
  readonly verdicts: HeardVerdict[] = [];
  readonly claims: Claim[] = [];
  readonly ended: Promise<void>;
  outcome: End | undefined;
  context: RequestContext | undefined;
  decision: Decision | undefined;
  denial: DenialLine | undefined;
  /** The path and the query that the upstream receives. */
  upstreamUrl: string | undefined;
  #resolve: () => void = () => undefined;

  constructor(
    private readonly plan: Plan,
    /** Milliseconds since the epoch. */
    readonly at: number,
    /** The address of the person who asks. */
    readonly asker?: string,
  ) {
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
  }

  heard(request: IncomingMessage, name: string, verdict: Verdict): void {
    const method = this.plan.methods.find((each) => each.name === name);
    const places = method?.places ?? [];
    this.verdicts.push({ name, verdict, found: places.length > 0 ? foundIn(request, places) : { kind: 'unknown' } });
  }

  /** Whether the auth method has judged the request itself. */
  hasEvaluated(name: string): boolean {
    return this.verdicts.some(({ name: own, verdict }) => {
      const isUndecided = verdict.kind === 'unavailable' && verdict.cause instanceof NotEvaluatedError;
      return own === name && !isUndecided;
    });
  }

  decided(context: RequestContext, decision: Decision): void {
    this.context = context;
    this.decision = decision;
  }

  limited(claims: readonly Claim[]): void {
    this.claims.push(...claims);
  }

  /** A denial reaches the log before the client. */
  logged(facts: object): void {
    const { event } = facts as { readonly event?: unknown };
    if (this.outcome !== undefined || (event !== 'denied' && event !== 'failed')) return;
    this.denial = facts as DenialLine;
    this.end('denied');
  }

  forwarded(url?: string): void {
    this.upstreamUrl ??= url;
    this.end('handed_over');
  }

  /** The first end counts. */
  end(end: End): void {
    this.outcome ??= end;
    this.#resolve();
  }
}

function foundIn(request: IncomingMessage, places: Parameters<typeof readOffer>[1]): ExplainedMethod['found'] {
  const offer = readOffer(request, places);
  if (offer.kind === 'one') return { kind: 'one', place: textOf(offer.place), length: offer.value.length };
  return { kind: offer.kind === 'many' ? 'several' : offer.kind };
}

/** Takes the place of an upstream. A request that reaches it was admitted. */
export function silentUpstream({ name, balancer }: PlannedUpstream, forwarded: (url?: string) => void): Upstream {
  return {
    name,
    forward: (_context, _res, { url }) => forwarded(url),
    lease: () => {
      forwarded();
      return new UpstreamShortage('upstream_unavailable');
    },
    status: () => ({ name, balancer, endpoints: [] }),
    close: () => undefined,
  };
}
