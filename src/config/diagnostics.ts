/** What is wrong with a file: its place, its path, the fault, and the nearest right name. */
import type { DiagnosticCode } from './diagnostic-codes.js';

export interface Diagnostic {
  readonly level: 'error' | 'warning';
  /** The stable id of the rule: `unknown_key`, `wrong_type`, `route_hidden`, … */
  readonly code: DiagnosticCode;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** `routes[2].auth.jwtt`; empty for the document. */
  readonly path: string;
  readonly message: string;
}

/** `loom.yaml:12:5 routes[2].auth.jwtt: unknown method; did you mean "jwt"?` */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, path, message } = diagnostic;
  return `${file}:${line}:${column}${path === '' ? '' : ` ${path}`}: ${message}`;
}

/** A file that cannot be used: every diagnostic at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'LOOM_CONFIG';
  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super(
      diagnostics
        .filter((each) => each.level === 'error')
        .map(formatDiagnostic)
        .join('\n'),
    );
  }
}
