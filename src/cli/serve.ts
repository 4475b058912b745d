/** The `loom-auth serve` command: runs the gateway of a file until a signal ends it. */
import cluster from 'node:cluster';
import { createLog } from '../observe/log.js';
import { inspectRuntime } from '../lib/runtime.js';
import { letYoungGenerationGrow } from '../lib/young-generation.js';
import { onReloadSignal } from '../serve/reload-signal.js';
import { serveAlone } from '../serve/serve.js';
import { onStopSignals } from '../serve/stop-signals.js';
import { serveAsWorker } from '../serve/worker.js';
import { readForWorkers, Workers, WorkerStartError } from '../serve/workers.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { paintFor, type Terminal } from './terminal.js';

export interface ServeOptions {
  readonly insecureNode?: boolean;
  readonly strict?: boolean;
  /** The number of worker processes. Default: this process serves. */
  readonly workers?: number;
  /** `--no-watch`: reload only on SIGHUP. */
  readonly watch?: boolean;
  /** A file that is evaluated on copies of the requests. */
  readonly shadow?: string;
}

/** Replaces the version that `--insecure-node` permits. The other findings about the runtime stay. */
const FORGIVEN_VERSION = 'v24.18.1';

/** Resolves when all listeners are open. The process then runs until a signal. */
export async function serveFile(file: string, options: ServeOptions, terminal: Terminal): Promise<ExitCode> {
  const version = options.insecureNode ? FORGIVEN_VERSION : process.version;
  const found = inspectRuntime({ version, env: terminal.env, execArgv: process.execArgv });
  if (found.errors.length > 0) {
    const paint = paintFor(terminal.stderr, terminal.env);
    for (const error of found.errors) terminal.stderr.write(`${paint('red', 'error')} ${error}\n`);
    return EXIT.runtime;
  }
  if (options.workers !== undefined && cluster.worker) return serveHere(file, options, cluster.worker.id);
  const log = createLog();
  for (const warning of found.warnings) log.warn({}, warning);
  if (options.insecureNode) log.warn({ version: process.version }, 'the check of the Node version is off');
  if (options.workers !== undefined) return serveThere(file, { ...options, workers: options.workers });
  return serveHere(file, options);
}

/** Serves in this process. Under a primary, this is the worker with number `worker`. */
async function serveHere(file: string, options: ServeOptions, worker?: number): Promise<ExitCode> {
  const { strict = false, watch = true, shadow } = options;
  const given = { strict, watch, ...(shadow !== undefined && { shadow }) };
  const reloads = onReloadSignal();
  const running = await (worker === undefined ? serveAlone(file, given) : serveAsWorker(file, given, worker));
  letYoungGenerationGrow();
  reloads(() => running.reload());
  // A worker stops on a message of its primary.
  if (worker === undefined) {
    const { log } = running;
    onStopSignals({ stop: (options) => running.stop(options), shutdown: () => running.shutdown, log });
  }
  return EXIT.fine;
}

/** Serves in worker processes. This process checks the file and certificates before it starts them. */
async function serveThere(file: string, options: ServeOptions & { readonly workers: number }): Promise<ExitCode> {
  const { workers: count, strict = false } = options;
  const reloads = onReloadSignal();
  const { log, shutdown } = readForWorkers(file, { count, strict });
  const workers = new Workers({ count, log, shutdown, gaveUp: () => process.exit(EXIT.runtime) });
  try {
    await workers.start();
  } catch (cause) {
    // The worker has already logged the cause.
    if (cause instanceof WorkerStartError) return exitCodeFrom(cause.exitCode);
    throw cause;
  }
  reloads(() => Promise.resolve(workers.reload()));
  const exit = (code: number): never => {
    workers.kill();
    return process.exit(code);
  };
  onStopSignals({ stop: (options) => workers.stop(options), shutdown: () => workers.shutdown, log, exit });
  return EXIT.fine;
}

function exitCodeFrom(code: number): ExitCode {
  return code === EXIT.file || code === EXIT.port ? code : EXIT.runtime;
}
