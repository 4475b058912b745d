/** One request inside a plugin: its headers as the plugin changes them, its properties, and its one decision. */
import { LIMITS, Status } from './abi.js';
import type { PluginDecision, PluginRequest } from './decision.js';
import { HeaderMap, type Pair } from './header-map.js';

export type Settle = (decision: PluginDecision) => void;

export class Stream {
  readonly headers: HeaderMap;
  readonly #original: readonly Pair[];
  readonly #properties = new Map<string, Buffer>();
  #propertyBytes = 0;
  #decided = false;
  /** Calls of its own that are under way. */
  calls = 0;
  /** `continue_stream` came before the callback returned, or while it was paused. */
  resumed = false;
  /** Whether it waits for `continue_stream`, in which callback. */
  pausedIn: 'headers' | 'body' | undefined;

  constructor(
    readonly id: number,
    readonly request: PluginRequest,
    private readonly settle: Settle,
  ) {
    this.headers = new HeaderMap(request.pairs);
    this.#original = [...this.headers.pairs];
  }

  get decided(): boolean {
    return this.#decided;
  }

  /** The first decision counts; what comes after it changes nothing. */
  decide(decision: PluginDecision): void {
    if (this.#decided) return;
    this.#decided = true;
    this.settle(decision);
  }

  admit(): void {
    const { set, removed } = changes(this.#original, this.headers.pairs);
    const subject = this.property('auth\0subject')?.toString('utf8');
    this.decide({ kind: 'continue', set, removed, claims: this.#claims(), ...(subject !== undefined && { subject }) });
  }

  property(path: string): Buffer | undefined {
    return this.#properties.get(path);
  }

  setProperty(path: string, value: Buffer): Status {
    const before = this.#properties.get(path);
    const bytes = this.#propertyBytes + value.length - (before?.length ?? 0) + (before ? 0 : path.length);
    if (bytes > LIMITS.propertyBytes || (!before && this.#properties.size >= LIMITS.properties))
      return Status.BadArgument;
    this.#propertyBytes = bytes;
    this.#properties.set(path, value);
    return Status.Ok;
  }

  #claims(): Record<string, string> {
    const claims = Object.create(null) as Record<string, string>;
    for (const [path, value] of this.#properties) {
      const [, name] = /^auth\0claims\0([^\0]+)$/.exec(path) ?? [];
      if (name !== undefined) claims[name] = value.toString('utf8');
    }
    return { ...claims };
  }
}

/** By name: a name whose list of values is another one now was set; one that is gone was removed. */
function changes(
  before: readonly Pair[],
  after: readonly Pair[],
): { set: readonly Pair[]; removed: readonly string[] } {
  const [was, is] = [byName(before), byName(after)];
  const changed = new Set([...is].filter(([name, values]) => was.get(name) !== values).map(([name]) => name));
  return {
    set: after.filter(([name]) => changed.has(name)),
    removed: [...was.keys()].filter((name) => !is.has(name)),
  };
}

/** Values joined by what stands in none of them. */
function byName(pairs: readonly Pair[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const [name, value] of pairs) {
    const earlier = map.get(name);
    map.set(name, earlier === undefined ? value : `${earlier}\0${value}`);
  }
  return map;
}
