/** Finds the shadow file of a configuration, and starts and ends its evaluation. */
import type { Compiled } from '../config/index.js';
import type { Plan } from '../config/plan-types.js';
import type { ConfigSource } from '../config/source.js';
import type { MaybePromise } from '../lib/types.js';
import type { Compiler } from './reload.js';
import { NO_SHADOW, type ShadowReport } from './shadow/report.js';
import { Shadows, type ShadowsDeps } from './shadow/shadows.js';

export interface ShadowParts {
  /** Replaces `shadow` of the file. */
  readonly source?: ConfigSource | undefined;
  /** Default: as the live file. */
  readonly compile?: (source: ConfigSource) => Compiled;
  /** Receives the marks of the files that a thread has read. */
  readonly marked?: Compiler['marked'];
  /** Called after each reading of the file, with the function that reads it again. */
  readonly read?: (again: () => MaybePromise<void>) => void;
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
    const reading = wanted === undefined ? undefined : (this.#shadows ??= this.#start()).follow(wanted);
    void this.#read(reading);
  }

  report(): ShadowReport {
    return this.#shadows?.report() ?? NO_SHADOW;
  }

  close(): void {
    this.#closed = true;
    this.#shadows?.stop();
  }

  #again(): MaybePromise<void> {
    if (!this.#closed) return this.#read(this.#shadows?.follow());
  }

  #read(reading: MaybePromise<void>): MaybePromise<void> {
    if (reading instanceof Promise) return reading.then(() => this.#read(undefined));
    if (!this.#closed) this.parts.read?.(() => this.#again());
  }

  #start(): Shadows {
    const { compiler } = this.deps;
    const { compile = compiler.compile, marked } = this.parts;
    const { options } = compiler;
    return new Shadows({ ...this.deps, compiler: { compile, options, ...(marked && { marked }) } });
  }
}

/** A host may replace the environment for its file. Both files read the same variables. */
function besideOf(source: ConfigSource, file: string): ConfigSource {
  const { env } = (typeof source === 'object' ? source : {}) as { readonly env?: unknown };
  return typeof env === 'object' && env !== null ? ({ file, env } as ConfigSource) : file;
}
