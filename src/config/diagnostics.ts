/** What is wrong with a file: its place, its path, the fault, and the nearest right name. */
import { sharePublicError } from '../lib/public-error.js';
import type { DiagnosticCode } from './diagnostic-codes.js';

/**
 * One error or warning about a file, with its place.
 *
 * @example
 * import type { Diagnostic } from 'loom-auth';
 *
 * export const placeOf = ({ file, line, column }: Diagnostic): string => `${file}:${line}:${column}`;
 */
export interface Diagnostic {
  /** An error keeps the file from loading. A note is advice of `loom-auth check`; a reload reports none. */
  readonly level: 'error' | 'warning' | 'note';
  /** The stable id of the rule, such as `unknown_key`, `wrong_type` or `route_hidden`. */
  readonly code: DiagnosticCode;
  /** The file as the caller named it. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** The option: `routes[2].auth.jwtt`; empty for the whole file. */
  readonly path: string;
  /** What is wrong, and what to write instead. */
  readonly message: string;
}

/**
 * Formats a diagnostic as one line: `loom.yaml:12:5 routes[2].auth.jwtt: unknown method; did you mean "jwt"?`.
 *
 * @param diagnostic One entry of `ConfigError.diagnostics`, or a warning that `reload` returned.
 * @returns The line, without a line break.
 * @example
 * import { formatDiagnostic, loom } from 'loom-auth';
 *
 * const warnings = await loom('loom.yaml').reload();
 * console.warn(warnings.map(formatDiagnostic).join('\n'));
 */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, path, message } = diagnostic;
  return `${file}:${line}:${column}${path === '' ? '' : ` ${path}`}: ${message}`;
}

/**
 * The file cannot be used.
 *
 * @example
 * import { ConfigError, formatDiagnostic, loom } from 'loom-auth';
 *
 * try {
 *   loom('loom.yaml');
 * } catch (error) {
 *   if (!(error instanceof ConfigError)) throw error;
 *   console.error(error.diagnostics.map(formatDiagnostic).join('\n'));
 * }
 */
export class ConfigError extends Error {
  static {
    sharePublicError(this, 'ConfigError');
  }
  /** `ConfigError`. */
  override readonly name = 'ConfigError';
  /** `LOOM_CONFIG`. */
  readonly code = 'LOOM_CONFIG';
  /** Every error and warning, in the order of the file. */
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(
      diagnostics
        .filter((each) => each.level === 'error')
        .map(formatDiagnostic)
        .join('\n'),
    );
    this.diagnostics = diagnostics;
  }
}
