/** Exports `loom()`, which turns a Loom file into a middleware for a host application. */
import { createRequire } from 'node:module';
import type { Strategies } from './auth/host-strategy.js';
import { methodOfType } from './auth/methods.js';
import type { KeyStore } from './auth/methods/api-key/store/key-store.js';
import { compose, tellWarnings } from './runtime/compose.js';
import { compileFile, type Compiled } from './config/index.js';
import type { Plan } from './config/plan-types.js';
import type { ConfigSource } from './config/source.js';
import { hint } from './config/suggest.js';
import type * as HostDenial from './gateway/host-denials.js';
import type { OnDenied } from './gateway/host-denials.js';
import { inspectRuntime } from './lib/runtime.js';
import type { Log, Now } from './lib/types.js';
import type { Loom } from './runtime/middleware.js';
import { createLog } from './observe/log.js';

const require = createRequire(import.meta.url);

export type { ConnectMiddleware, Loom } from './runtime/middleware.js';

/**
 * The options of `loom()`.
 *
 * @example
 * import { loom, type LoomOptions } from 'loom-auth';
 *
 * const options: LoomOptions = { errors: 'next' };
 * loom('loom.yaml', options);
 */
export interface LoomOptions {
  /** Passport strategies of the host application, by the names that the file uses. Default: none. */
  readonly strategies?: Strategies;
  /** The log. Default: as `logging` of the file says, on standard error. */
  readonly log?: Log;
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  readonly now?: Now;
  /**
   * Who answers a refused request: Loom (`answer`, default), or the error handler of the host (`next`). With `next`, Loom
   * calls `next(error)` with a {@link DeniedError}. Loom answers upgrades in both cases.
   */
  readonly errors?: 'answer' | 'next';
  /** Answers a refused request instead of Loom. Its `next` passes the {@link DeniedError} to the host's error handler. */
  readonly onDenied?: OnDenied;
  /**
   * A file that is evaluated on copies of the requests. `shadow()` of the returned object says which decisions the file
   * would change. Default: `shadow` of the file.
   */
  readonly shadow?: ConfigSource;
  /** The store of API keys, for a file with `api_key.store.type: host`. Loom does not close it. Default: none. */
  readonly keyStore?: KeyStore;
}

/**
 * Compiles a Loom file into a middleware, synchronously.
 *
 * @param source The path or `file:` URL of the file, `{ text }`, `{ config }`, or its content as an object.
 * @param options Strategies of the host application, log and clock.
 * @returns The middleware, for Express, Connect and `node:http`.
 * @throws {ConfigError} The file is wrong. `diagnostics` has each mistake with its position.
 * @throws {TypeError} The source is not a file, an option is wrong, or a strategy has a name that the file reserves.
 * @example
 * import { createServer } from 'node:http';
 * import { loom } from 'loom-auth';
 *
 * const gate = loom('loom.yaml'); // in Express: app.use(gate)
 * const server = createServer((req, res) => gate(req, res, () => res.end('hello')));
 * gate.attach(server); // WebSockets too
 */
export function loom(source: ConfigSource, options: LoomOptions = {}): Loom {
  checkOptions(options);
  const { strategies = {}, now = Date.now } = options;
  const compileOptions = { strategies: Object.keys(strategies), mode: 'middleware' } as const;
  const compile = (given: ConfigSource): Compiled => compileFile(given, compileOptions);
  const { plan, warnings } = compile(source);
  checkKeyStore(plan, options.keyStore);
  const log = options.log ?? createLog(plan.logging);
  adviseOnRuntime(log);
  tellWarnings(warnings, log);
  if (!plan.unmatched && plan.routes.length > 0) {
    log.warn(
      { file: plan.file },
      'a request that no route matches passes without a credential; a chain would guard it',
    );
  }
  const shared = {
    strategies,
    log,
    now,
    standalone: false,
    keyStore: options.keyStore,
    hostDenials: hostDenialsOf(options, log),
  };
  const compiler = { compile, options: compileOptions };
  return compose(source, plan, { shared, compiler, shadow: { source: options.shadow } });
}

/** A store that the file does not use would be ignored. */
function checkKeyStore({ methods }: Plan, keyStore: KeyStore | undefined): void {
  if (keyStore === undefined || methods.some(({ type, options }) => methodOfType(type)?.needsHost?.(options))) return;
  throw new TypeError('the option keyStore needs middleware.auth.api_key.store with type: host');
}

/** Returns undefined if Loom answers every denial. */
function hostDenialsOf(options: LoomOptions, log: Log): HostDenial.HostDenials | undefined {
  if (!options.onDenied && options.errors !== 'next') return undefined;
  const { HostDenials } = require('./gateway/host-denials.js') as typeof HostDenial;
  return new HostDenials(options, log);
}

const NAMES = [
  'strategies',
  'log',
  'now',
  'errors',
  'onDenied',
  'shadow',
  'keyStore',
] as const satisfies readonly (keyof LoomOptions)[];

/** A misspelled option would be ignored, and denials would be answered in another way than the host expects. */
function checkOptions(options: unknown): asserts options is LoomOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError('the options of loom() must be an object');
  const unknown = Object.keys(options).find((name) => !(NAMES as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`loom() has no option ${JSON.stringify(unknown)}${hint(unknown, NAMES)}`);
  }
  const { errors = 'answer', onDenied } = options as { errors?: unknown; onDenied?: unknown };
  if (errors !== 'answer' && errors !== 'next') throw new TypeError("the option errors must be 'answer' or 'next'");
  if (onDenied !== undefined && typeof onDenied !== 'function') {
    throw new TypeError('the option onDenied must be a function of (denial, req, res, next)');
  }
}

let advised = false;

/** Logs once per process. A library does not refuse to run, but it reports which checks the runtime disables. */
function adviseOnRuntime(log: Log): void {
  if (advised) return;
  advised = true;
  const { errors, warnings } = inspectRuntime();
  for (const words of [...errors, ...warnings]) log.warn({}, words);
}
