/** What is wrong with a file, said so that it can be mended: place, path, what, and the nearest right name. */

export interface Diagnostic {
  readonly level: 'error' | 'warning';
  /** A stable word for tests and tools: `unknown_key`, `wrong_type`, `route_shadowed`, … */
  readonly code: string;
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
