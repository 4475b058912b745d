/** Runs a WASM plugin for a request: its decision becomes a verdict, and its headers become an identity. */
import type { IncomingMessage } from 'node:http';
import { Strategy } from 'passport-strategy';
import { clientAddressOf } from '../../../http/client-address.js';
import { onConnectionClose } from '../../../http/connection-close.js';
import { BodyRoom, hasBody, readBody } from '../../../http/request-body.js';
import { isConnection } from '../../../lib/connection.js';
import { throttleLog } from '../../../lib/log-throttle.js';
import { listed } from '../../../lib/sentence.js';
import type { PluginDecision, PluginFault } from '../../../wasm/decision.js';
import type { PluginRunner } from '../../../wasm/index.js';
import type { Place } from '../../credentials.js';
import { FailureBudget, type Attempted } from '../../failure-budget.js';
import { KnownCredentials } from '../../known-credentials.js';
import type { MethodDeps, MethodStrategy } from '../../method.js';
import { FailInfo, UnavailableError } from '../../outcome.js';
import type { WithoutIdentity } from '../../requirement.js';
import { NO_IDENTITY, type RunOptions } from '../../strategy-runner.js';
import type { Challenge, Granted, ReasonCode, Rejected, Unavailable, Verdict } from '../../verdict.js';
import { pluginIdentity, saysWhoCalls } from './identity.js';
import type { PluginOptions } from './options.js';
import { isPlain, pluginRequest, type Seen } from './request.js';
import { named, startRunner } from './start-runner.js';

const BODY_IDLE_MS = 30_000;
/** The limit of all bodies that are read or checked at the same time. */
const HELD_BYTES = 256 * 2 ** 20;

/** The scheme is a name that no browser uses as an HTTP authentication scheme. */
export const challengeOf = ({ name }: PluginOptions): Challenge => ({ scheme: 'Plugin', params: { realm: name } });

export function placesOf({ credential_headers = [] }: PluginOptions): readonly Place[] {
  return credential_headers.map((header) => ({ in: 'header', name: header.toLowerCase() }));
}

/** The user of the budget of requests without a credential. */
const WITHOUT_CREDENTIAL = 'nothing';
/** The message of a trap may have text of the module. */
const LONGEST_FAULT = 200;
const NONE_REFUSED: ReadonlySet<string> = new Set();

export class PluginStrategy extends Strategy implements MethodStrategy {
  readonly ready: Promise<void>;
  readonly name: string;
  private readonly runner: PluginRunner;
  private readonly throttledLog: MethodDeps['log'];
  private readonly budget: FailureBudget;
  private readonly known: KnownCredentials;
  private readonly challenges: readonly [Challenge];
  private readonly room: BodyRoom;
  private readonly allowed: ReadonlySet<string>;
  private readonly credentialHeaders: ReadonlySet<string>;
  private readonly advised = new Set<string>();

  constructor(
    private readonly options: PluginOptions,
    private readonly deps: MethodDeps,
  ) {
    super();
    this.name = options.name;
    this.throttledLog = throttleLog(deps.log, deps.now);
    this.budget = new FailureBudget(options.name, options.throttle, deps);
    this.known = new KnownCredentials(options.credential_headers, deps.now);
    this.challenges = [challengeOf(options)];
    this.allowed = new Set(options.identity_headers.map((header) => header.toLowerCase()));
    this.credentialHeaders = new Set(placesOf(options).map(({ name }) => name));
    this.room = new BodyRoom(Math.max(HELD_BYTES, 4 * options.max_body));
    this.runner = startRunner(options, deps);
    this.ready = named(options.name, this.runner.ready);
  }

  override authenticate(request: IncomingMessage, { refused = NONE_REFUSED, identity }: RunOptions = {}): void {
    const unfit = this.unfit(request);
    if (unfit) return this.settle(this.rejected(unfit));
    // The length of an injected body is unknown until its end, and then the host could not read it again.
    if (this.options.phase === 'on_request_body' && !isConnection(request.socket)) {
      this.throttledLog.error({ plugin: this.name }, 'a plugin that reads bodies cannot judge an injected request');
      return this.settle(this.unavailable('the request is injected'));
    }
    if (this.options.phase === 'on_request_body' && hasBody(request)) {
      this.withBody(request, { refused, identity }).catch((cause: unknown) => this.error(asError(cause)));
    } else void this.judge(request, { hasBody: hasBody(request), refused }, identity);
  }

  close(): Promise<void> {
    this.known.clear();
    return this.runner.close();
  }

  /** Returns why no plugin may receive the request, or undefined. */
  private unfit(request: IncomingMessage): Pick<Rejected, 'status' | 'reason'> | undefined {
    if (!isPlain(request)) return { status: 400, reason: 'header_not_ascii' };
    if (this.credentialHeaders.size === 0) return undefined;
    // If a header occurs twice, a plugin may read the first value and the upstream the last.
    const seen = new Set<string>();
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      const name = (request.rawHeaders[at] as string).toLowerCase();
      if (!this.credentialHeaders.has(name)) continue;
      if (seen.has(name)) return { status: 400, reason: 'credential_duplicate' };
      seen.add(name);
    }
    return undefined;
  }

  private async withBody(
    request: IncomingMessage,
    { refused, identity }: RunOptions & { readonly refused: ReadonlySet<string> },
  ): Promise<void> {
    const { room } = this;
    const read = await readBody(request, { maxBytes: this.options.max_body, idleMs: BODY_IDLE_MS, room });
    if (read.kind === 'whole') {
      const seen = { hasBody: true, body: read.body, refused };
      await this.judge(request, seen, identity).finally(() => room.give(read.body.length));
    } else if (read.kind === 'crowded') this.settle(this.unavailable('too many bodies are held', 'overloaded'));
    else if (read.kind === 'too_large') this.settle(this.rejected({ status: 413, reason: 'body_too_large' }));
    else if (read.kind === 'late') this.settle(this.rejected({ status: 408, reason: 'body_late' }));
    else this.settle(this.unavailable(`the body is ${read.kind}`));
  }

  private judge(request: IncomingMessage, seen: Omit<Seen, 'now'>, identity?: WithoutIdentity): Promise<void> {
    return this.throttled(request, () => this.run(request, seen, identity))
      .then((verdict) => this.settle(verdict))
      .catch((cause: unknown) => this.error(asError(cause)));
  }

  private run(request: IncomingMessage, seen: Omit<Seen, 'now'>, identity?: WithoutIdentity): Promise<Verdict> {
    const start = performance.now();
    return new Promise((resolve, reject) => {
      let decided = false;
      let stay = (): void => undefined;
      const settle = (decision: PluginDecision): void => {
        decided = true;
        stay();
        try {
          const verdict = this.read(decision, request, identity);
          const { metrics } = this.deps;
          metrics?.time('loom_plugin_seconds', { plugin: this.name }, (performance.now() - start) / 1_000);
          metrics?.count('loom_plugin_outcomes_total', { plugin: this.name, outcome: verdict.kind });
          resolve(verdict);
        } catch (cause) {
          reject(asError(cause));
        }
      };
      const abandon = this.runner.judge(pluginRequest(request, { ...seen, now: this.deps.now() }), settle);
      if (!decided) stay = onConnectionClose(request.socket, abandon);
    });
  }

  /** Every request costs a run, so the throttle remembers credentials that were accepted recently. */
  private async throttled(request: IncomingMessage, work: () => Promise<Verdict>): Promise<Verdict> {
    if (this.options.throttle === false) return work();
    const label = this.known.labelOf(request);
    const attempted = { request, work, isFailure };
    if (label === undefined && this.options.credential_headers) return this.unoffered(attempted);
    const verdict = await (this.known.has(label) ? this.budget.runKnown(attempted) : this.budget.run(attempted));
    if (verdict.kind === 'granted' || verdict.kind === 'rejected') this.known.settle(label, verdict.kind === 'granted');
    return verdict;
  }

  /**
   * A request without a credential is not a guess. Such requests have a separate budget. Above it, the usual response
   * is sent without a run.
   */
  private async unoffered(attempted: Attempted<Verdict>): Promise<Verdict> {
    try {
      return await this.budget.run({ ...attempted, user: WITHOUT_CREDENTIAL });
    } catch (cause) {
      if (!(cause instanceof UnavailableError) || cause.verdict.reason !== 'throttled') throw cause;
      const detail = (): string => 'too many requests without a credential, so the plugin did not run';
      return this.rejected({ status: 401, reason: 'plugin_refused', detail });
    }
  }

  private read(decision: PluginDecision, request: IncomingMessage, without?: WithoutIdentity): Verdict {
    if (decision.kind === 'fault') return this.unavailable(decision.detail, decision.fault);
    if (decision.kind === 'respond') {
      const { status, headers, body } = decision.response;
      const response = { status, headers, body: Buffer.from(body) };
      if (status !== 401 && status !== 403) return { kind: 'answered', response };
      return this.rejected({
        status,
        reason: 'plugin_refused',
        response,
        detail: () => `the plugin answered ${status}`,
      });
    }
    this.adviseOn(decision.set.map(([name]) => name));
    const identity = pluginIdentity(this.name, { decision, allowed: this.allowed });
    if (identity) return { kind: 'granted', identities: [identity] };
    // An identity that the upstream cannot receive is a fault of the plugin, not a missing identity.
    if (saysWhoCalls(decision, this.allowed)) return this.unnamed('the plugin set a name that no header can carry');
    return this.withoutIdentity(request, without);
  }

  /** A plugin without a handler continues too, because its SDK does so. A method therefore must name the caller. */
  private withoutIdentity(request: IncomingMessage, without: WithoutIdentity | undefined): Verdict {
    if (without === 'unneeded') return { kind: 'granted', identities: [] };
    if (!needsNoIdentity(this.options)) {
      const headers = listed(this.options.identity_headers.map((name) => `\`${name}\``));
      return this.unnamed(`the plugin continued without an identity: it set no ${headers}`);
    }
    const identity = { method: this.name, subject: clientAddressOf(request), scopes: [], claims: {} };
    return { kind: 'granted', identities: [identity] };
  }

  private unnamed(words: string): Rejected {
    return this.rejected({ status: 401, reason: 'subject_invalid', detail: () => words });
  }

  private settle(verdict: Verdict): void {
    if (verdict.kind === 'granted') this.success(verdict.identities[0] ?? NO_IDENTITY);
    else if (verdict.kind === 'unavailable') this.error(new UnavailableError(verdict));
    else this.fail(new FailInfo(verdict), statusOf(verdict));
  }

  /** Logs once for each name. A header that is not an identity header never reaches the upstream. */
  private adviseOn(names: readonly string[]): void {
    for (const name of names) {
      if (this.allowed.has(name) || this.advised.has(name) || this.advised.size >= 100) continue;
      this.advised.add(name);
      this.deps.log.warn({ plugin: this.name, header: name }, 'a plugin set a header that is not in identity_headers');
    }
  }

  private rejected(refusal: Pick<Rejected, 'status' | 'reason' | 'response' | 'detail'>): Rejected {
    return { kind: 'rejected', challenges: this.challenges, ...refusal };
  }

  private unavailable(detail: string, fault: PluginFault = 'unavailable'): Unavailable {
    this.throttledLog.warn({ plugin: this.name, fault, detail }, 'a plugin reached no decision');
    const reason: ReasonCode = fault === 'overloaded' ? 'pool_full' : 'plugin_unavailable';
    const words = `the plugin reached no decision: ${detail.slice(0, LONGEST_FAULT)}`;
    return { kind: 'unavailable', reason, cause: new Error(detail), detail: () => words };
  }
}

function statusOf(verdict: Exclude<Verdict, Granted | Unavailable>): number {
  if (verdict.kind === 'absent') return 401;
  return verdict.kind === 'answered' ? verdict.response.status : verdict.status;
}

const isFailure = ({ kind }: Verdict): boolean => kind === 'rejected';
const asError = (cause: unknown): Error => (cause instanceof Error ? cause : new Error('the plugin failed'));

/** As an auth method, the plugin grants every request that it does not refuse. */
export function needsNoIdentity({ require_identity }: PluginOptions): boolean {
  return require_identity === false;
}
