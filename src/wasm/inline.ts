/** Runs a trusted plugin on the gateway's own thread. Its code has a loop guard. There is no other isolation. */
import type { CallResponse, PluginDecision, PluginRequest } from './decision.js';
import { runRequest, unavailable } from './run-request.js';
import { VmSupervisor } from './vm-supervisor.js';
import { meterModule } from './meter.js';
import { PluginMetrics } from './metrics.js';
import { loadModule } from './module.js';
import { Queues } from './queues.js';
import { pluginLog, type PluginRunner, type RunnerParts, type RunnerStats } from './runner.js';
import { SharedData } from './shared-data.js';

export class InlineRunner implements PluginRunner {
  readonly ready: Promise<void>;
  readonly #metrics = new PluginMetrics();
  #supervisor: VmSupervisor | undefined;

  constructor(private readonly parts: RunnerParts) {
    this.ready = Promise.resolve().then(() => {
      this.#supervisor = this.#start();
    });
  }

  judge(request: PluginRequest, abandoned?: AbortSignal): Promise<PluginDecision> {
    const supervisor = this.#supervisor;
    if (!supervisor) return this.ready.then(() => this.judge(request, abandoned), unavailable);
    const { pauseTimeoutMs } = this.parts.options;
    return new Promise((resolve) => {
      // Most plugins decide synchronously, before `judge` has returned.
      let abandon = (): void => undefined;
      const onAbort = (): void => abandon();
      abandoned?.addEventListener('abort', onAbort, { once: true });
      abandon = runRequest(supervisor, { request, pauseTimeoutMs }, (decision) => {
        abandoned?.removeEventListener('abort', onAbort);
        resolve(decision);
      });
    });
  }

  stats(): RunnerStats {
    const { restarts = 0, memoryBytes = 0 } = this.#supervisor ?? {};
    return { restarts, memoryBytes, metrics: this.#metrics.all };
  }

  close(): Promise<void> {
    this.#supervisor?.close();
    this.parts.callOuts.close();
    return Promise.resolve();
  }

  #start(): VmSupervisor {
    const { bytes, options, callOuts, log } = this.parts;
    const { module, facts } = loadModule(meterModule(bytes, 'inline'), options.memoryLimitBytes);
    const answer = (token: number) => (response: CallResponse) => this.#supervisor?.answerCall(token, response);
    return new VmSupervisor({
      module,
      facts,
      options,
      timeoutMs: options.timeoutMs,
      environment: {
        shared: new SharedData(),
        queues: new Queues(),
        metrics: this.#metrics,
        log: pluginLog(log, options.name),
        call: (call) => callOuts.start(call, answer(call.token)),
        running: () => undefined,
        isOver: (since, limitMs) => performance.now() - since > limitMs,
        queued: (token) => void setImmediate(() => this.#supervisor?.queueReady(token)),
      },
    });
  }
}
