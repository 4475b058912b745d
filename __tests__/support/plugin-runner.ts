/** Runs plugins in tests as the product does: a runner of either isolation, its log, and requests for it. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Metrics } from '../../src/lib/metrics.js';
import { CallOuts } from '../../src/wasm/callouts.js';
import type { PluginDecision, PluginRequest } from '../../src/wasm/decision.js';
import { createRunner, type PluginRunner } from '../../src/wasm/index.js';
import type { RunnerOptions } from '../../src/wasm/runner.js';

export const ISOLATIONS = ['worker', 'inline'] as const;
export type Isolation = (typeof ISOLATIONS)[number];

export const OPTIONS: RunnerOptions = {
  ...{ name: 'tested', rootId: 'tested', vmId: 'tested', env: {}, logLevel: 'info', upstreams: ['authz'] },
  ...{ config: new Uint8Array(0), vmConfig: new Uint8Array(0), memoryLimitBytes: 16 * 1_048_576 },
  // Long for a busy machine, short for a test that waits for a loop.
  ...{ timeoutMs: 400, pauseTimeoutMs: 1_500, workers: 1 },
};

export interface Run {
  readonly runner: PluginRunner;
  /** The log text of the plugin, or of the gateway. */
  readonly said: string[];
  /** Runs a request. A string is its `x-do`. */
  readonly ask: (request?: string | Partial<PluginRequest>) => Promise<PluginDecision>;
}

export interface RunSettings extends Partial<RunnerOptions> {
  readonly isolation?: Isolation;
  /** The address of the upstream `authz`. */
  readonly port?: number;
  readonly metrics?: Metrics;
}

const running: PluginRunner[] = [];

export async function run(bytes: Uint8Array, settings: RunSettings = {}): Promise<Run> {
  const found = start(bytes, settings);
  await found.runner.ready;
  return found;
}

/** Without waiting for it. */
export function start(bytes: Uint8Array, { isolation = 'inline', port, metrics, ...options }: RunSettings = {}): Run {
  const said: string[] = [];
  const write = (facts: object, words: string): void =>
    void said.push('said' in facts ? String(facts.said) : `${words} ${JSON.stringify(facts)}`);
  const target = { url: new URL(`http://127.0.0.1:${port ?? 1}`) };
  const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent() };
  const runner = createRunner(isolation, {
    bytes,
    metrics,
    options: { ...OPTIONS, ...options },
    log: { info: write, warn: write, error: write },
    callOuts: new CallOuts(new Map([['authz', () => target]]), agents),
  });
  runner.ready.catch(() => undefined);
  running.push(runner);
  const ask = (request: string | Partial<PluginRequest> = {}) => decisionOf(runner, requestOf(request));
  return { runner, said, ask };
}

export function decisionOf(runner: PluginRunner, request: PluginRequest): Promise<PluginDecision> {
  return new Promise((resolve) => runner.judge(request, resolve));
}

/** For `afterEach`. */
export async function closeRunners(): Promise<void> {
  await Promise.all(running.splice(0).map((runner) => runner.close()));
}

export function requestOf(given: string | Partial<PluginRequest> = {}): PluginRequest {
  const more = typeof given === 'string' ? { pairs: [['x-do', given] as const] } : given;
  const head = [
    [':method', 'GET'],
    [':path', '/'],
    [':authority', 'gw'],
    [':scheme', 'http'],
  ] as const;
  return { properties: {}, hasBody: false, ...more, pairs: [...head, ...(more.pairs ?? [])] };
}

/** The decision in a short form. */
export function outcome(decision: PluginDecision): string {
  if (decision.kind === 'fault') return decision.fault;
  if (decision.kind === 'respond') return String(decision.response.status);
  return decision.set.map(([name, value]) => `${name}=${value}`).join(' ') || 'nobody';
}
