/** What is remembered of a reload, as plain data. */
import type { Diagnostic } from '../config/diagnostics.js';
import type { ChangeClass } from '../lib/change-classes.js';
import type { Difference } from './compare-trees.js';

/** The most diagnostics, and the most differences, of one reload that are remembered. */
export const MOST_LINES = 200;

/** One reload, without secrets. */
export interface ReloadRecord {
  /** The end of the reload, in ISO 8601. */
  readonly time: string;
  /** `file`: a file changed. `call`: SIGHUP, or `reload()` of the host. */
  readonly trigger: 'file' | 'call';
  /** `unchanged`: the new configuration means the same. `refused`: the old one stays in use. */
  readonly outcome: 'taken' | 'unchanged' | 'refused';
  /** The number of the configuration in use after the reload. The first one is 1. */
  readonly generation: number;
  /** Warnings, and the errors of a refused file. At most 200. */
  readonly diagnostics: readonly Diagnostic[];
  /** Why a reload failed that found no mistake in the file. */
  readonly error?: string;
  /** Whether a caller sees a difference. Absent for a refused reload, as the next three. */
  readonly seen?: boolean;
  /** The number of differences. */
  readonly total?: number;
  readonly summary?: Readonly<Partial<Record<ChangeClass, number>>>;
  /** At most 200. */
  readonly differences?: readonly Difference[];
}

/** The configuration of one process and its last reloads, the newest first. */
export interface ReloadState {
  /** Absent: the gateway has one process. */
  readonly worker?: number;
  readonly generation: number;
  /** When the configuration in use was taken, in ISO 8601. */
  readonly since: string;
  readonly reloads: readonly ReloadRecord[];
}
