/** Finds the shadow file of a configuration, and starts and ends its evaluation. */
import type { Compiled } from '../config/index.js';
import type { Plan } from '../config/plan-types.js';
import type { ConfigSource } from '../config/source.js';
import { NO_SHADOW, type ShadowReport } from './shadow/report.js';
import { Shadows, type ShadowsDeps } from './shadow/shadows.js';

export interface ShadowParts {
  /** Replaces `shadow` of the file. */
  readonly source?: ConfigSource | undefined;
  /** Default: as the live file. */
  readonly compile?: (source: ConfigSource) => Compiled;
  /** Called after each reading of the file, with the function that reads it again. */
  readonly read?: (again: () => void) => void;
}

export class ShadowLoader {
  #shadows: Shadows | undefined;
  #closed = false;

  constructor(
    private source: ConfigSource,
    private readonly parts: ShadowParts = {},
    private readonly deps: ShadowsDeps,
  ) {}

  /** Reads the shadow file of the plan, or of the host. A reload reads it again. */
  follow({ shadow }: Pick<Plan, 'shadow'>, source: ConfigSource = this.source): void {
    this.source = source;
    const wanted = this.parts.source ?? (shadow === undefined ? undefined : besideOf(source, shadow));
    if (this.#closed || (wanted === undefined && !this.#shadows)) return;
    if (wanted === undefined) this.#shadows?.stop();
    else (this.#shadows ??= this.#start()).follow(wanted);
    this.parts.read?.(() => this.#again());
  }

  report(): ShadowReport {
    return this.#shadows?.report() ?? NO_SHADOW;
  }

  close(): void {
    this.#closed = true;
    this.#shadows?.stop();
  }

  #again(): void {
    if (this.#closed) return;
    this.#shadows?.follow();
    this.parts.read?.(() => this.#again());
  }

  #start(): Shadows {
    const { compile = this.deps.compile } = this.parts;
    return new Shadows({ ...this.deps, compile });
  }
}

/** A host may replace the environment for its file. Both files read the same variables. */
function besideOf(source: ConfigSource, file: string): ConfigSource {
  const { env } = (typeof source === 'object' ? source : {}) as { readonly env?: unknown };
  return typeof env === 'object' && env !== null ? ({ file, env } as ConfigSource) : file;
}
