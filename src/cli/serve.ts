/** `loom-auth serve`: runs the gateway that a file describes until a signal ends it. */
import { createLog } from '../observe/log.js';
import { inspectRuntime } from '../lib/runtime.js';
import { onReloadSignal } from '../serve/reload-signal.js';
import { serve } from '../serve/serve.js';
import { onStopSignals } from '../serve/stop-signals.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { paintFor, type Terminal } from './terminal.js';

export interface ServeOptions {
  readonly insecureNode?: boolean;
  readonly strict?: boolean;
  /** `--no-watch`: reload on SIGHUP alone. */
  readonly watch?: boolean;
}

/** Stands in for the version that `--insecure-node` forgives; the other findings about the runtime stay. */
const FORGIVEN_VERSION = 'v24.18.1';

/** Resolves when everything listens; the process then lives until its signal. */
export async function serveFile(file: string, options: ServeOptions, terminal: Terminal): Promise<ExitCode> {
  const version = options.insecureNode ? FORGIVEN_VERSION : process.version;
  const found = inspectRuntime({ version, env: terminal.env, execArgv: process.execArgv });
  if (found.errors.length > 0) {
    const paint = paintFor(terminal.stderr, terminal.env);
    for (const error of found.errors) terminal.stderr.write(`${paint('red', 'error')} ${error}\n`);
    return EXIT.runtime;
  }
  const log = createLog();
  for (const warning of found.warnings) log.warn({}, warning);
  if (options.insecureNode) log.warn({ version: process.version }, 'the check of the Node version is off');
  const { strict = false, watch = true } = options;
  const reloads = onReloadSignal();
  const running = await serve(file, { strict, watch });
  reloads(() => running.reload());
  onStopSignals({ stop: () => running.stop(), log: running.log });
  return EXIT.fine;
}
