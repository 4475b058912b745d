/** Asks one endpoint again and again whether it is well, beside the requests and over the same TLS. */
import { request as httpRequest, type ClientRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { PlannedUpstream } from '../../config/plan-types.js';
import { OwnLimit, ownLimitOf } from '../../lib/own-limit.js';
import { hostOf, type Endpoint } from '../endpoints.js';
import { codeOf, UpstreamInvalid, UpstreamTimeout } from '../failure.js';

export type HealthCheckPlan = NonNullable<PlannedUpstream['healthCheck']>;

export interface HealthCheckDeps {
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Told of each check; `cause` is a status or the system's word, absent where all is well. */
  readonly checked: (cause: string | undefined) => void;
  /** Told when the thresholds say that the endpoint has changed. */
  readonly changed: (healthy: boolean, cause: string | undefined) => void;
  /** Told of each check that a limit of this process prevented: it says nothing of the endpoint. */
  readonly prevented: (limit: OwnLimit) => void;
}

/** Gateways that were started together must not ask together for ever. */
const JITTER = 0.1;
const FIRST_WITHIN_MS = 500;

/** The next check begins when the last has ended: they never overlap. Nothing of it keeps the process alive. */
export class HealthCheck {
  /** Until a check says otherwise: a gateway that starts must not refuse everything first. */
  #healthy = true;
  /** Results in a row that speak against the present state. */
  #against = 0;
  #timer: NodeJS.Timeout | undefined;
  #request: ClientRequest | undefined;
  #closed = false;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly plan: HealthCheckPlan,
    private readonly deps: HealthCheckDeps,
  ) {
    this.#after(deps.random() * Math.min(FIRST_WITHIN_MS, plan.intervalMs));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#request?.destroy();
  }

  #after(ms: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.#ask(), ms);
    this.#timer.unref();
  }

  #ask(): void {
    let settled = false;
    const settle = (result: string | OwnLimit | undefined): void => {
      if (settled) return;
      settled = true;
      clearTimeout(deadline);
      request.destroy();
      if (this.#closed) return;
      if (result instanceof OwnLimit) this.deps.prevented(result);
      else this.#judge(result);
      this.#after(this.plan.intervalMs * (1 - JITTER + 2 * JITTER * this.deps.random()));
    };
    const request = this.#send();
    this.#request = request;
    const deadline = setTimeout(() => settle(new UpstreamTimeout('check').code), this.plan.timeoutMs);
    deadline.unref();
    request.once('socket', (socket) => socket.unref());
    request.on('error', (error) => settle(ownLimitOf(error) ?? codeOf(error)));
    // A `101` that nobody asked for ends with neither a response nor an error.
    request.once('close', () => settle(new UpstreamInvalid('closed without an answer').code));
    request.once('response', ({ statusCode = 0 }) =>
      settle(this.plan.expectedStatus.includes(statusCode) ? undefined : String(statusCode)),
    );
    request.end();
  }

  #send(): ClientRequest {
    const { url, tls } = this.endpoint;
    const options = {
      host: hostOf(url),
      port: url.port || (tls ? 443 : 80),
      path: this.plan.path,
      method: 'GET',
      headers: { Host: url.host, 'User-Agent': 'loom-auth (health check)', Accept: '*/*', Connection: 'close' },
      // A connection of its own: it tells whether there can be another, and waits for no request's.
      agent: false,
    } as const;
    return tls ? httpsRequest({ ...options, ...tls }) : httpRequest(options);
  }

  #judge(cause: string | undefined): void {
    const well = cause === undefined;
    this.deps.checked(cause);
    if (well === this.#healthy) {
      this.#against = 0;
      return;
    }
    const { healthyThreshold, unhealthyThreshold } = this.plan;
    if (++this.#against < (well ? healthyThreshold : unhealthyThreshold)) return;
    this.#against = 0;
    this.#healthy = well;
    this.deps.changed(well, cause);
  }
}
