/** Checks the health of one endpoint at intervals, separately from requests and with the same TLS options. */
import { request as httpRequest, type ClientRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { PlannedUpstream } from '../../config/plan-types.js';
import { OwnLimit, ownLimitOf } from '../../lib/own-limit.js';
import { addressOf, type Endpoint } from '../endpoints.js';
import { codeOf, UpstreamInvalid, UpstreamTimeout } from '../failure.js';

export type HealthCheckPlan = NonNullable<PlannedUpstream['healthCheck']>;

export interface HealthCheckDeps {
  /** A number from 0 to below 1. */
  readonly random: () => number;
  /** Receives the result of each check. `cause` is a status or a system error code. Absent: the endpoint is healthy. */
  readonly checked: (cause: string | undefined) => void;
  /** Called when the thresholds change the state of the endpoint. */
  readonly changed: (healthy: boolean, cause: string | undefined) => void;
  /** Receives each check that a limit of this process prevented. Such a check says nothing about the endpoint. */
  readonly prevented: (limit: OwnLimit) => void;
}

/** Gateways that start together must not send their checks together forever. */
const JITTER = 0.1;
const FIRST_WITHIN_MS = 500;

/**
 * The next check begins after the last check has ended, so checks never overlap. Checks do not keep the process alive.
 */
export class HealthCheck {
  /** Healthy until a check fails, because a gateway that starts must not refuse all requests. */
  #healthy = true;
  /** Consecutive results that contradict the present state. */
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
    // An unexpected `101` ends with neither a response nor an error.
    request.once('close', () => settle(new UpstreamInvalid('closed without an answer').code));
    request.once('response', ({ statusCode = 0 }) =>
      settle(this.plan.expectedStatus.includes(statusCode) ? undefined : String(statusCode)),
    );
    request.end();
  }

  #send(): ClientRequest {
    const { url, tls } = this.endpoint;
    const options = {
      ...addressOf(this.endpoint),
      path: this.plan.path,
      method: 'GET',
      headers: { Host: url.host, 'User-Agent': 'loom-auth (health check)', Accept: '*/*', Connection: 'close' },
      // The check uses its own connection. It tests that a new connection is possible, and waits for no request.
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
