/** Manages the processes of `serve --workers`: starts, replacements, signals and shared ticket keys. */
import cluster, { type Worker } from 'node:cluster';
import { randomBytes } from 'node:crypto';
import type { Plan, PlannedShutdown } from '../config/plan-types.js';
import type { AccessRules } from '../routing/access-rules.js';
import type { Log } from '../lib/types.js';
import { tellWarnings } from '../runtime/compose.js';
import { createLog } from '../observe/log.js';
import { compileToServe } from './compile-to-serve.js';
import { MetricsCollector } from './metrics-collector.js';
import { tlsOptions } from './tls.js';
import { PRIVATE_UMASK } from './unix-socket.js';
import { isOfChannel, WorkerRelay } from './worker-relay.js';
import type { StopOptions } from './gatekeeper.js';
import { isNotice, send, type Notice } from './worker-messages.js';

export interface WorkersOptions {
  readonly count: number;
  readonly log: Log;
  /** The times of a stop. A worker that reloads its file may have others. */
  readonly shutdown: PlannedShutdown;
  /** Called if no worker is left and no worker can be started. */
  readonly gaveUp: () => void;
  /** How long the keys of session tickets are used. Default: a day. */
  readonly rotateMs?: number;
}

/** The first workers did not start. Each worker has written the reason to standard error. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError';
  constructor(readonly exitCode: number) {
    super('a worker could not start');
  }
}

/**
 * Reads and checks the file once for all workers, and warns if each worker counts a limit alone.
 *
 * @throws {ConfigError} The file is wrong.
 * @throws {TlsFileError} A certificate, key or CA cannot be used.
 */
export function readForWorkers(
  file: string,
  { count, strict }: { count: number; strict: boolean },
): Pick<WorkersOptions, 'log' | 'shutdown'> {
  const { plan, warnings } = compileToServe(file, { strict });
  const log = createLog(plan.logging);
  tellWarnings(warnings, log);
  for (const listener of plan.listeners) if (listener.tls) tlsOptions(listener, listener.tls);
  if (count > 1 && countsHere(plan)) {
    log.warn({ workers: count }, `each worker counts for itself: ${count} x the limit, unless rate_limit.distributed`);
  }
  return { log, shutdown: plan.shutdown };
}

/** Whether a limit is counted only in the memory of the process that accepts the connection. */
function countsHere({ rateLimit, routes, methods }: Plan): boolean {
  if (rateLimit?.distributed) return false;
  const ofIdentities = methods.some(({ limitsIdentities }) => limitsIdentities);
  return rateLimit !== undefined || routes.some((route) => route.rateLimit !== undefined) || ofIdentities;
}

interface Member {
  readonly worker: Worker;
  /** The worker listens to orders. An earlier signal would end it. */
  here: boolean;
  readyAt: number | undefined;
}

const DAY_MS = 86_400_000;
/** A worker that lives for less counts as failed at start, whatever it reported. */
const SETTLED_MS = 10_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 30_000;
/** The most consecutive failed starts while no worker serves. */
const MOST_FAILURES = 5;
/** A worker that has had the times of its stop ends by itself within this time. */
const PATIENCE_MS = 5_000;

export class Workers {
  readonly #members = new Set<Member>();
  readonly #waiting = new Set<NodeJS.Timeout>();
  #secret = newSecret();
  /** The rules of the worker that reloaded last. */
  #rules: AccessRules | undefined;
  #shutdown: PlannedShutdown;
  #rotation: NodeJS.Timeout | undefined;
  /** Consecutive deaths, each soon after the start. */
  #deaths = 0;
  /** Consecutive starts that failed. */
  #failures = 0;
  /** The primary creates the Unix sockets of all workers. A worker then sets their permissions. */
  readonly #umask = process.umask(PRIVATE_UMASK);
  #started = false;
  #stopping = false;

  readonly #collector: MetricsCollector;
  readonly #relay: WorkerRelay;

  constructor(private readonly options: WorkersOptions) {
    const serving = (): Worker[] =>
      [...this.#members].flatMap(({ worker, readyAt }) => (readyAt === undefined ? [] : [worker]));
    this.#collector = new MetricsCollector(serving, options.log);
    this.#relay = new WorkerRelay(serving);
    this.#shutdown = options.shutdown;
  }

  /**
   * Resolves when all workers accept connections. The first worker starts alone, because all workers would meet the
   * same error.
   */
  async start(): Promise<void> {
    try {
      await this.#fork();
      await Promise.all(Array.from({ length: this.options.count - 1 }, () => this.#fork()));
    } catch (cause) {
      await this.stop();
      throw cause;
    }
    this.#started = true;
    this.#rotation = setInterval(() => this.#rotate(), this.options.rotateMs ?? DAY_MS).unref();
  }

  /** Each worker reloads its file. A worker that is still starting reads the file anyway. */
  reload(): void {
    for (const { worker, here } of this.#members) if (here) worker.process.kill('SIGHUP');
  }

  get shutdown(): PlannedShutdown {
    return this.#shutdown;
  }

  /** Resolves when all workers have ended. Requests in flight may finish. A second call with `delay: 0` ends the delay. */
  async stop({ delay = this.#shutdown.delayMs }: Pick<StopOptions, 'delay'> = {}): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#rotation);
    for (const timer of this.#waiting) clearTimeout(timer);
    const ends = [...this.#members].map(({ worker }) => new Promise((resolve) => worker.once('exit', resolve)));
    for (const { worker } of this.#members) send(worker, { kind: 'stop', delay: delay > 0 });
    const late = setTimeout(() => this.kill(), delay + this.#shutdown.timeoutMs + PATIENCE_MS);
    await Promise.all(ends);
    clearTimeout(late);
  }

  /** Ends the workers at once. */
  kill(): void {
    this.#stopping = true;
    for (const { worker } of this.#members) worker.process.kill('SIGKILL');
  }

  /** Resolves when the worker accepts connections. Rejects if the worker ends before. */
  #fork(): Promise<void> {
    const worker = cluster.fork();
    const member: Member = { worker, here: false, readyAt: undefined };
    this.#members.add(member);
    return new Promise((resolve, reject) => {
      worker.on('message', (message: unknown) => {
        if (isNotice(message)) this.#hear(message, member);
        if (member.readyAt !== undefined) resolve();
      });
      // A broken channel is followed by an exit event.
      worker.on('error', () => undefined);
      worker.once('exit', (code: number | null, signal: NodeJS.Signals | null) => {
        this.#members.delete(member);
        this.#collector.ended(worker);
        this.#relay.ended(worker);
        reject(new WorkerStartError(code ?? 2));
        if (this.#started && !this.#stopping) this.#replace(member, { code, signal });
      });
    });
  }

  #hear(notice: Notice, member: Member): void {
    if (notice.kind === 'counted' || notice.kind === 'total') return this.#collector.receive(notice, member.worker);
    if (isOfChannel(notice)) return this.#relay.receive(notice, member.worker);
    if (notice.kind === 'rules') {
      this.#rules = notice.rules;
      this.#shutdown = notice.shutdown;
      return;
    }
    if (notice.kind === 'here') {
      member.here = true;
      if (this.#rules) send(member.worker, { kind: 'rules', rules: this.#rules });
      this.#sendTickets(member);
      return;
    }
    member.readyAt = Date.now();
    this.#relay.joined(member.worker);
    this.#failures = 0;
    this.options.log.info({ worker: member.worker.id, pid: member.worker.process.pid }, 'a worker serves');
  }

  #replace({ worker, readyAt }: Member, end: { readonly code: number | null; readonly signal: string | null }): void {
    const { log } = this.options;
    const facts = { worker: worker.id, pid: worker.process.pid, ...end };
    const settled = readyAt !== undefined && Date.now() - readyAt >= SETTLED_MS;
    this.#deaths = settled ? 0 : this.#deaths + 1;
    if (readyAt === undefined) this.#failures += 1;
    if (this.#failures >= MOST_FAILURES && this.#nobodyServes()) {
      log.error({ ...facts, starts: this.#failures }, 'no worker is left and none can be started: the gateway ends');
      this.#stopping = true;
      this.kill();
      this.options.gaveUp();
      return;
    }
    const delayMs = this.#deaths === 0 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#deaths - 1));
    log.error({ ...facts, delayMs }, readyAt === undefined ? 'a worker could not start' : 'a worker has died');
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      this.#fork().catch(() => undefined);
    }, delayMs);
    this.#waiting.add(timer);
  }

  #nobodyServes(): boolean {
    return [...this.#members].every(({ readyAt }) => readyAt === undefined);
  }

  /** A ticket is valid for at most two rotations, so a stolen key decrypts little. */
  #rotate(): void {
    this.#secret = newSecret();
    for (const { worker, here } of this.#members) if (here) this.#sendTickets({ worker });
  }

  #sendTickets({ worker }: Pick<Member, 'worker'>): void {
    send(worker, { kind: 'tickets', secret: this.#secret.toString('base64'), umask: this.#umask });
  }
}

function newSecret(): Buffer {
  return randomBytes(32);
}
