/** What `check` found, and what every format says of a rule. */
import type { AccessTable } from '../config/access.js';
import { DIAGNOSTICS, type DiagnosticCode } from '../config/diagnostic-codes.js';
import type { Diagnostic } from '../config/diagnostics.js';
import type { Source } from '../config/source.js';
import { packageVersion } from './package-version.js';

export interface Outcome {
  /** Whether the command succeeds. */
  readonly ok: boolean;
  readonly source: Source;
  /** With what happens to requests that no route matches. Absent: the file has errors that leave no plan. */
  readonly access?: AccessTable;
  readonly diagnostics: readonly Diagnostic[];
}

export const cureOf = (code: DiagnosticCode): string => DIAGNOSTICS[code].cure;

/** The page of a rule, as the package of this version has it. */
export function pageOf(code: DiagnosticCode): string {
  return `https://unpkg.com/loom-auth@${packageVersion()}/docs/reference/rules/${code}.md`;
}

/** The text of the file; undefined for an object or a file that cannot be read. */
export function textOf(source: Source): string | undefined {
  const read = source.read();
  return read.kind === 'text' ? read.text : undefined;
}
