/** Runs a trusted plugin on the gateway's own thread. Its code has a loop guard. There is no other isolation. */
import type { CallResponse, PluginRequest } from './decision.js';
import { runRequest, unavailable } from './run-request.js';
import { VmSupervisor } from './vm-supervisor.js';
import { meterModule } from './meter.js';
import { PluginMetrics } from './metrics.js';
import { loadModule } from './module.js';
import { Queues } from './queues.js';
import { pluginLog, type PluginRunner, type RunnerParts, type RunnerStats } from './runner.js';
import { SharedData } from './shared-data.js';
import type { Settle } from './stream.js';

export class InlineRunner implements PluginRunner {
  readonly ready: Promise<void>;
  readonly #metrics = new PluginMetrics();
  #supervisor: VmSupervisor | undefined;

  constructor(private readonly parts: RunnerParts) {
    this.ready = Promise.resolve().then(() => {
      this.#supervisor = this.#start();
    });
  }

  judge(request: PluginRequest, settle: Settle): () => void {
    const supervisor = this.#supervisor;
    if (supervisor)
      return runRequest(supervisor, { request, pauseTimeoutMs: this.parts.options.pauseTimeoutMs }, settle);
    let abandon = (): void => undefined;
    this.ready.then(
      () => (abandon = this.judge(request, settle)),
      (cause: unknown) => settle(unavailable(cause)),
    );
    return () => abandon();
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
