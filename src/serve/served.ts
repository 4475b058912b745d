/** Serves a Loom file as a gateway: listeners, request handler, reloads and graceful stop. */
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdminListener } from '../admin/listener.js';
import type { ProcessStatus } from '../admin/process-status.js';
import { LocalChannel } from '../admin/worker-channel.js';
import type { Diagnostic } from '../config/diagnostics.js';
import type { Compiled } from '../config/index.js';
import type { Plan, PlannedLogging, PlannedShutdown } from '../config/plan-types.js';
import type { CredentialStoreStatus } from '../auth/method.js';
import type { ConfigSource } from '../config/source.js';
import type { PlanChange } from '../difference/plan-change.js';
import { markOf } from '../lib/file-mark.js';
import type { Log } from '../lib/types.js';
import { compose, tellWarnings, type Inspected } from '../runtime/compose.js';
import type { Loom } from '../runtime/middleware.js';
import { createLog, type LeveledLog } from '../observe/log.js';
import type { DecisionRecords } from '../admission/decision-records.js';
import { SampledLog } from '../observe/sampled-log.js';
import { changesUnlessOpening, type Prepared } from '../runtime/reload.js';
import { Acceptance } from './acceptance.js';
import type { WorkerShare } from './worker-share.js';
import { adminOf, recordsOf, tellCertificates, tellUnchanged } from './admin.js';
import { bodyGarbage } from './body-garbage.js';
import type { Listening, OwnGateway, ServeOptions, StopOptions } from './gatekeeper.js';
import { compileToServe, withTlsFindings } from './compile-to-serve.js';
import { ConnectionFaults } from './connection-faults.js';
import type * as EventLoops from './event-loop.js';
import { answerHealth } from './health.js';
import { listen, type Running } from './listeners.js';
import type * as ProcessStatuses from './process-status.js';
import { ReloadHistory } from './reload-history.js';
import { ShadowFiles } from './shadow-files.js';
import { FileWatch } from './watch.js';

const require = createRequire(import.meta.url);

export async function startGateway(
  source: ConfigSource,
  options: ServeOptions,
  share?: WorkerShare,
): Promise<OwnGateway> {
  const gateway = new Served(source, options, share);
  await gateway.start();
  return gateway;
}

class Served implements OwnGateway {
  readonly log: Log;
  readonly #loom: Loom;
  readonly #own: LeveledLog | undefined;
  readonly #files: FileWatch | undefined;
  readonly #records: DecisionRecords | undefined;
  readonly #shadowFiles: ShadowFiles;
  readonly #acceptance = new Acceptance();
  readonly #faults = new ConnectionFaults();
  readonly #history: ReloadHistory;
  #running: Running | undefined;
  #inspect!: () => Inspected;
  #eventLoop: EventLoops.EventLoopDelay | undefined;
  #admin: AdminListener | undefined;
  /** Ends the delay of a stop. */
  readonly #hurry = new AbortController();
  #state: 'starting' | 'ready' | 'stopping' = 'starting';
  /** The state of the files that the last compilation read, whether the compilation succeeded or not. */
  #read = new Map<string, string>();
  #logging: PlannedLogging;
  /** What the last reload changed, if a thread compiled the file. */
  #found: PlanChange | undefined;

  constructor(
    source: ConfigSource,
    private readonly options: ServeOptions,
    private readonly share: WorkerShare | undefined,
  ) {
    const compiled = this.#compile(source);
    const { plan, warnings } = compiled;
    // A replacement worker starts with a file that the other workers may have refused.
    if (share?.rules) changesUnlessOpening(share.rules, compiled, { standalone: true });
    this.#logging = plan.logging;
    this.#own = options.log ? undefined : createLog({ ...plan.logging, worker: share?.worker });
    this.log = options.log ?? (this.#own as Log);
    // The primary has already logged the warnings, once.
    if (!share) tellWarnings(warnings, this.log);
    const { now = Date.now, watch = true, strict = false } = options;
    this.#shadowFiles = new ShadowFiles(options);
    const records = (this.#records = recordsOf(plan, now, share?.worker));
    const shared = { strategies: {}, log: this.log, now, standalone: true, moved: bodyGarbage(), records };
    this.#loom = compose(source, plan, {
      shared,
      ...(share && { sharedMetrics: share.sharedMetrics }),
      reading: (metrics, served) => {
        tellCertificates(metrics, served);
        this.#faults.publish(metrics);
        metrics.gauge('loom_accept_wait_seconds', {}, this.#acceptance.longestWait());
      },
      inspected: (inspect) => (this.#inspect = inspect),
      compiler: {
        compile: (given) => this.#compile(given),
        options: { mode: 'serve', strict },
        finish: (apart) => withTlsFindings(apart, { strict }),
        marked: (marks) => void (this.#read = new Map(marks)),
      },
      prepare: (next, found) => this.#prepare(next, found),
      shadow: this.#shadowFiles,
    });
    this.#history = new ReloadHistory(this.#loom.plan, { worker: share?.worker, log: this.log, now });
    // The log has the reason why a file was refused.
    const changed = async (): Promise<void> => void (await this.#reload('file').catch(() => undefined));
    if (watch) this.#files = new FileWatch({ changed });
  }

  get listening(): readonly Listening[] {
    return this.#running?.listening ?? [];
  }

  async start(): Promise<void> {
    const loom = this.#loom;
    try {
      const channel = this.share?.channel ?? new LocalChannel();
      channel.answer('status', () => this.#status());
      channel.answer('reloads', () => this.#history.state());
      const parts = { log: this.log, state: () => this.#state, channel, records: this.#records };
      this.#admin = await adminOf(loom, parts);
      await loom.ready;
      if (this.options.strict) refuseFaultyStores(this.#inspect().snapshot.methods.storeStatuses());
      this.#running = await listen(
        loom.plan.listeners,
        {
          request: (req, res) => {
            if (!answerHealth(loom.plan, { req, res, ready: this.#state !== 'stopping' }))
              loom(req, res, () => res.destroy());
          },
          upgrade: (req, socket, head) => loom.upgrade(req, socket, head),
        },
        {
          log: new SampledLog(this.log, () => this.#logging.deniedSample),
          tickets: this.share?.tickets,
          acceptance: this.#acceptance,
          faults: this.#faults,
          records: this.#records,
        },
      );
    } catch (cause) {
      await this.#end();
      throw cause;
    }
    this.#state = 'ready';
    this.share?.took(loom.plan);
    this.#files?.follow(this.#read);
    // Last: a supervisor that reads these lines may send a signal at once.
    for (const { name: listener, ...where } of this.listening) this.log.info({ listener, ...where }, 'listening');
    if (this.#admin) this.log.info({ listener: 'admin', host: this.#admin.host, port: this.#admin.port }, 'listening');
    const { file, routes } = loom.plan;
    this.log.info({ event: 'config', generation: 1, file, routes: routes.length }, 'the configuration is in use');
  }

  reload(): Promise<readonly Diagnostic[]> {
    return this.#reload('call');
  }

  async #reload(trigger: 'file' | 'call'): Promise<readonly Diagnostic[]> {
    const before = this.#read;
    const marks = new Map([...before.keys()].map((file) => [file, markOf(file)]));
    try {
      const { plan } = this.#loom;
      const warnings = await this.#loom.reload();
      tellUnchanged(plan, this.#loom.plan, this.log);
      this.#history.taken(trigger, this.#loom.plan, { warnings, found: this.#found });
      return warnings;
    } catch (cause) {
      this.#history.refused(trigger, cause);
      // A change to a file that the refused configuration no longer names may repair the configuration. A thread that
      // died has told no marks, and the same files must not be read again and again.
      this.#read = new Map([...before, ...(this.#read === before ? marks : this.#read)]);
      throw cause;
    } finally {
      this.#files?.follow(this.#read);
    }
  }

  get shutdown(): PlannedShutdown {
    return this.#loom.plan.shutdown;
  }

  async stop({ delay = this.shutdown.delayMs, timeout = this.shutdown.timeoutMs }: StopOptions = {}): Promise<void> {
    this.#state = 'stopping';
    this.#files?.close();
    this.#shadowFiles.close();
    this.#running?.drain();
    if (delay === 0) this.#hurry.abort();
    await sleep(delay, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
    await this.#running?.stop(timeout);
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#files?.close();
    this.#shadowFiles.close();
    await this.#loom.close();
    await this.#admin?.close();
    this.#eventLoop?.close();
  }

  #status(): ProcessStatus {
    const { processStatus } = require('./process-status.js') as typeof ProcessStatuses;
    const { EventLoopDelay } = require('./event-loop.js') as typeof EventLoops;
    // Only a gateway whose state is asked for measures its event loop.
    this.#eventLoop ??= new EventLoopDelay();
    const parts = { listening: this.listening, worker: this.share?.worker, eventLoop: this.#eventLoop.status() };
    return processStatus({ ...parts, inspect: this.#inspect });
  }

  #compile(source: ConfigSource): Compiled {
    const read = new Map<string, string>();
    this.#read = read;
    const { strict = false } = this.options;
    const named = (file: string): void => void (read.has(file) || read.set(file, markOf(file)));
    return compileToServe(source, { strict, named });
  }

  async #prepare(plan: Plan, found: PlanChange | undefined): Promise<Prepared> {
    const { listeners, logging, warnings } = plan;
    const prepared = await this.#running?.prepare(listeners);
    return {
      commit: () => {
        prepared?.commit();
        this.#found = found;
        this.#heed(logging);
        this.#records?.resize(plan.admin?.decisions ?? 0);
        tellWarnings(warnings, this.log);
        this.share?.took(plan);
      },
      abandon: () => prepared?.abandon(),
    };
  }

  #heed(logging: PlannedLogging): void {
    const before = this.#logging;
    this.#logging = logging;
    if (!this.#own) return;
    this.#own.level = logging.level;
    if (logging.format !== before.format) this.log.warn({}, 'logging.format changes with a restart');
  }
}

/** A strict start needs what every request needs. Later outages are answered 503. */
function refuseFaultyStores(stores: ReadonlyMap<string, CredentialStoreStatus>): void {
  for (const [name, { fault }] of stores) if (fault !== undefined) throw new Error(`${name}: ${fault}`);
}
