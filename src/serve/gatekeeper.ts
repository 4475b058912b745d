/** What `serve` takes, returns and throws, in a file that loads none of the gateway. */
import type { Diagnostic } from '../config/diagnostics.js';
import type { Log, Now } from '../lib/types.js';

export interface ServeOptions {
  /** Default: what `logging` of the file says, on standard error. */
  readonly log?: Log;
  /** Warnings of the file are errors. Default: false. */
  readonly strict?: boolean;
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  readonly now?: Now;
  /** Reloads when the file, or a file that it names, has changed and is still again. Default: true. */
  readonly watch?: boolean;
}

export interface Gatekeeper {
  /** Where it listens now. */
  readonly listening: readonly Listening[];
  readonly log: Log;
  /**
   * Takes the file and all that it names again: routes, secrets, plugins, certificates, listeners. Rejects, and changes
   * nothing, where the file cannot be used; the log says why.
   */
  reload(): Promise<readonly Diagnostic[]>;
  /** Stops listening; requests in flight have `graceMs` to finish. Default: 30 s. */
  stop(graceMs?: number): Promise<void>;
}

export interface Listening {
  readonly name: string;
  readonly protocol: 'http' | 'https';
  readonly host: string;
  readonly port: number;
}

/** The port is taken, or may not be used. */
export class PortError extends Error {
  override readonly name = 'PortError';
  readonly code = 'LOOM_PORT';
  constructor(
    readonly listener: string,
    readonly port: number,
    options: { cause: NodeJS.ErrnoException },
  ) {
    super(`listener ${listener}: port ${port} ${portTrouble(options.cause.code)}`, options);
  }
}

function portTrouble(code: string | undefined): string {
  if (code === 'EADDRINUSE') return 'is already in use';
  if (code === 'EACCES') return 'needs more privileges';
  return `cannot be listened on (${code ?? 'unknown'})`;
}

/** A certificate, key, CA or CRL that cannot be used. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError';
  readonly code = 'LOOM_TLS';
  constructor(
    readonly listener: string,
    readonly file: string,
    what: string,
    options?: ErrorOptions,
  ) {
    super(`listener ${listener}: ${file} ${what}`, options);
  }
}
