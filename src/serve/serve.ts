/** A Loom file as a gateway of its own: its listeners, their handler, and a graceful end. */
import { compileFile, type Compiled } from '../config/index.js';
import type { ConfigSource } from '../config/source.js';
import type { Log, Now } from '../lib/types.js';
import { compose, tellWarnings } from '../loom.js';
import { createLog } from '../observe/log.js';
import { bodyGarbage } from './body-garbage.js';
import { listen, type Listening } from './listeners.js';

export interface ServeOptions {
  /** Default: what `logging` of the file says, on standard error. */
  readonly log?: Log;
  /** Warnings of the file are errors. Default: false. */
  readonly strict?: boolean;
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  readonly now?: Now;
}

export interface Gatekeeper {
  readonly listening: readonly Listening[];
  readonly log: Log;
  /** Stops listening; requests in flight have `graceMs` to finish. Default: 30 s. */
  stop(graceMs?: number): Promise<void>;
}

const GRACE_MS = 30_000;

/**
 * Runs the gateway that a file describes. Resolves when every listener accepts connections and key sets have been asked for.
 *
 * @example const gateway = await serve('loom.yaml'); await gateway.stop();
 * @throws {ConfigError} The file is wrong.
 * @throws {PortError} A port is taken.
 * @throws {TlsFileError} A certificate, key or CA cannot be used.
 */
export async function serve(source: ConfigSource, options: ServeOptions = {}): Promise<Gatekeeper> {
  const { strict = false, now = Date.now } = options;
  const compile = (given: ConfigSource): Compiled => compileFile(given, { mode: 'serve', strict });
  const { plan, warnings } = compile(source);
  const log = options.log ?? createLog(plan.logging);
  tellWarnings(warnings, log);
  const shared = { strategies: {}, log, now, standalone: true, moved: bodyGarbage() };
  const loom = compose(source, plan, { shared, compile });
  try {
    await loom.ready;
    const running = await listen(
      plan.listeners,
      {
        request: (req, res) => loom(req, res, () => res.destroy()),
        upgrade: (req, socket, head) => loom.upgrade(req, socket, head),
      },
      { log },
    );
    for (const { name: listener, ...where } of running.listening) log.info({ listener, ...where }, 'listening');
    return {
      listening: running.listening,
      log,
      stop: async (graceMs = GRACE_MS) => {
        await running.stop(graceMs);
        await loom.close();
      },
    };
  } catch (cause) {
    await loom.close();
    throw cause;
  }
}
