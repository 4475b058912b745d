/** Defines the options, results and errors of `serve`, in a file that loads no part of the gateway. */
import type { Diagnostic } from '../config/diagnostics.js';
import type { PlannedShutdown } from '../config/plan-types.js';
import type { ConfigSource } from '../config/source.js';
import { sharePublicError } from '../lib/public-error.js';
import type { Log, Now } from '../lib/types.js';

/**
 * The options of `serve()`.
 *
 * @example
 * import { serve, type ServeOptions } from 'loom-auth';
 *
 * const options: ServeOptions = { strict: true, watch: false };
 * await serve('loom.yaml', options);
 */
export interface ServeOptions {
  /** The log. Default: as `logging` of the file says, on standard error. */
  readonly log?: Log;
  /** Warnings of the file are errors. Default: false. */
  readonly strict?: boolean;
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  readonly now?: Now;
  /** Whether to reload after the file, or a file that it names, has changed. Default: true. */
  readonly watch?: boolean;
  /** A file that is evaluated on copies of the requests. Default: `shadow` of the file. */
  readonly shadow?: ConfigSource;
}

/**
 * A running gateway.
 *
 * @example
 * import { type Gatekeeper, serve } from 'loom-auth';
 *
 * const gateway: Gatekeeper = await serve('loom.yaml');
 * process.once('SIGTERM', () => gateway.stop({ timeout: 10_000 }));
 */
export interface Gatekeeper {
  /** The addresses that the gateway listens on. */
  readonly listening: readonly Listening[];
  /** The log of the gateway. */
  readonly log: Log;
  /**
   * Reads the file and every file that it names again: routes, secrets, plugins, certificates, listeners.
   *
   * @returns The warnings about the file.
   * @throws {ConfigError} The file is wrong or would open a guarded path. The old configuration stays in use.
   * @throws {PortError} A new listener cannot use its port.
   * @throws {TlsFileError} A new certificate, key, authority or revocation list cannot be used.
   */
  reload(): Promise<readonly Diagnostic[]>;
  /**
   * Stops the gateway. Readiness and the health path answer 503 at once. The ports close after the delay, and requests
   * in flight may then finish.
   *
   * @param options The two times. Default: `shutdown` of the file. A second call with `delay: 0` ends the delay.
   */
  stop(options?: StopOptions): Promise<void>;
}

/** A gateway whose signals this package handles. */
export interface OwnGateway extends Gatekeeper {
  /** What the file says of a stop. */
  readonly shutdown: PlannedShutdown;
}

/**
 * The times of a stop, in milliseconds.
 *
 * @example
 * import { serve, type StopOptions } from 'loom-auth';
 *
 * const atOnce: StopOptions = { delay: 0, timeout: 1_000 };
 * const gateway = await serve('loom.yaml');
 * process.once('SIGINT', () => gateway.stop(atOnce));
 */
export interface StopOptions {
  /** The time until the ports close. Default: `shutdown.delay` of the file. */
  readonly delay?: number;
  /** The time that requests in flight have after that. Default: `shutdown.timeout` of the file. */
  readonly timeout?: number;
}

/**
 * An address that the gateway listens on.
 *
 * @example
 * import { type Listening, serve } from 'loom-auth';
 *
 * const urlOf = ({ protocol, host, port }: Listening): string => `${protocol}://${host}:${port}`;
 * console.log((await serve('loom.yaml')).listening.map(urlOf));
 */
export interface Listening {
  /** The name of the listener. */
  readonly name: string;
  /** The protocol. */
  readonly protocol: 'http' | 'https';
  /** The local address, or `unix:` and the path of a Unix socket. */
  readonly host: string;
  /** The port; the actual one if the file says 0. A Unix socket has the port 0. */
  readonly port: number;
}

/**
 * A listener cannot use its port or its Unix socket: another process has it, or the process lacks the privilege.
 *
 * @example
 * import { PortError, serve } from 'loom-auth';
 *
 * await serve('loom.yaml').catch((error: unknown) => {
 *   if (!(error instanceof PortError)) throw error;
 *   console.error(`port ${error.port} of ${error.listener} is taken`);
 * });
 */
export class PortError extends Error {
  static {
    sharePublicError(this, 'PortError');
  }
  /** `PortError`. */
  override readonly name = 'PortError';
  /** `LOOM_PORT`. */
  readonly code = 'LOOM_PORT';
  constructor(
    /** The name of the listener. */
    readonly listener: string,
    /** The port; 0 for a Unix socket. */
    readonly port: number,
    { cause, path }: { readonly cause: NodeJS.ErrnoException; readonly path?: string | undefined },
  ) {
    const trouble =
      path === undefined ? `port ${port} ${portTrouble(cause.code)}` : `${path} ${pathTrouble(cause.code)}`;
    super(`listener ${listener}: ${trouble}`, { cause });
  }
}

function portTrouble(code: string | undefined): string {
  if (code === 'EADDRINUSE') return 'is already in use';
  if (code === 'EACCES') return 'needs more privileges';
  return `cannot be listened on (${code ?? 'unknown'})`;
}

function pathTrouble(code: string | undefined): string {
  if (code === 'EADDRINUSE') return 'is in use: another process answers on this socket';
  if (code === 'EEXIST')
    return 'exists, and is no socket that this user left behind: remove it, or choose another path';
  if (code === 'EACCES' || code === 'EPERM') return 'cannot be created: this user may not write to its folder';
  if (code === 'ENOENT') return 'cannot be created: its folder does not exist';
  return `cannot be listened on (${code ?? 'unknown'})`;
}

/**
 * A certificate, key, authority or revocation list of a listener cannot be used.
 *
 * @example
 * import { serve, TlsFileError } from 'loom-auth';
 *
 * await serve('loom.yaml').catch((error: unknown) => {
 *   if (!(error instanceof TlsFileError)) throw error;
 *   console.error(`${error.file}: ${error.message}`);
 * });
 */
export class TlsFileError extends Error {
  static {
    sharePublicError(this, 'TlsFileError');
  }
  /** `TlsFileError`. */
  override readonly name = 'TlsFileError';
  /** `LOOM_TLS`. */
  readonly code = 'LOOM_TLS';
  constructor(
    /** The name of the listener. */
    readonly listener: string,
    /** The file. */
    readonly file: string,
    what: string,
    options?: ErrorOptions,
  ) {
    super(`listener ${listener}: ${file} ${what}`, options);
  }
}
