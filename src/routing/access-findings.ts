/** What a new file changes for callers, and what the operator must know about it. */
import type { Diagnostic } from '../config/diagnostics.js';
import { accessChanges, type AccessChange } from './access-changes.js';
import { fallsIn, openingsIn, unusedOpens, type NewFile } from './access-diagnostics.js';
import type { Ruled } from './access-rules.js';

export interface AccessFindings {
  readonly changes: readonly AccessChange[];
  /** Errors: the new file opens what the old rules guard, without consent. */
  readonly openings: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

/** Compares the rules in force with a new file. */
export function compareAccess(before: Ruled, file: NewFile): AccessFindings {
  const changes = accessChanges(before, { plan: file.plan, standalone: before.standalone });
  const openings = openingsIn(changes, file);
  return { changes, openings, warnings: [...fallsIn(changes, file), ...unusedOpens(changes, file)] };
}
