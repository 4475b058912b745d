/** The exit codes of the commands for errors of the file, the runtime and the port. */
import { ConfigError } from '../config/diagnostics.js';
import { PortError, TlsFileError } from '../serve/gatekeeper.js';

export const EXIT = { fine: 0, file: 1, runtime: 2, port: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Of `explain`: a script sees the decision. `failed` covers a mistake in the file too. */
export const EXPLAINED = { allowed: 0, denied: 1, failed: 2, undecided: 3 } as const;
export type ExplainExitCode = (typeof EXPLAINED)[keyof typeof EXPLAINED];

export function exitCodeOf(cause: unknown): ExitCode {
  if (cause instanceof ConfigError || cause instanceof TlsFileError) return EXIT.file;
  if (cause instanceof PortError) return EXIT.port;
  return EXIT.runtime;
}
