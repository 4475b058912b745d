/** One request inside a plugin: its headers as the plugin changes them, its properties, and its decision. */
import { LIMITS, Status } from './abi.js';
import type { PluginDecision, PluginRequest } from './decision.js';
import { HeaderMap, type Pair } from './header-map.js';
import { decodedText } from './properties.js';

export type Settle = (decision: PluginDecision) => void;

export class Stream {
  headers: HeaderMap;
  #properties: Map<string, Buffer> | undefined;
  #propertyBytes = 0;
  #decided = false;
  /** Open calls of the stream. */
  calls = 0;
  /** `continue_stream` was called during the callback, or while the stream was paused. */
  resumed = false;
  /** The callback in which the stream paused, if it waits for `continue_stream`. */
  pausedIn: 'headers' | 'body' | undefined;

  constructor(
    readonly id: number,
    public request: PluginRequest,
    private settle: Settle,
  ) {
    this.headers = new HeaderMap(request.pairs);
  }

  get decided(): boolean {
    return this.#decided;
  }

  /** The first decision counts. Later decisions change nothing. */
  decide(decision: PluginDecision): void {
    if (this.#decided) return;
    this.#decided = true;
    try {
      this.settle(decision);
    } catch (cause) {
      // The plugin may have used up the stack. It traps, and the trap is reported with more stack available.
      this.#decided = false;
      throw cause;
    }
  }

  /** A map that shrinks keeps its old entries until the next major collection. An ended stream must be small there. */
  release(): void {
    this.request = NO_REQUEST;
    this.headers = NO_HEADERS;
    this.settle = NO_SETTLE;
    this.#properties = undefined;
  }

  admit(): void {
    const { set, removed } = changes(this.request.pairs, this.headers);
    const told = this.property('auth\0subject');
    // A header that cannot be read must not select another one.
    const subject = told && (decodedText(told) ?? '');
    this.decide({ kind: 'continue', set, removed, claims: this.#claims(), ...(subject !== undefined && { subject }) });
  }

  property(path: string): Buffer | undefined {
    return this.#properties?.get(path);
  }

  setProperty(path: string, value: Buffer): Status {
    const properties = (this.#properties ??= new Map<string, Buffer>());
    const before = properties.get(path);
    const bytes = this.#propertyBytes + value.length - (before?.length ?? 0) + (before ? 0 : path.length);
    if (bytes > LIMITS.propertyBytes || (!before && properties.size >= LIMITS.properties)) return Status.BadArgument;
    this.#propertyBytes = bytes;
    properties.set(path, value);
    return Status.Ok;
  }

  #claims(): Record<string, string> {
    const entries = [...(this.#properties ?? [])].flatMap(([path, value]): [string, string][] => {
      const [, name] = /^auth\0claims\0([^\0]+)$/.exec(path) ?? [];
      const text = name === undefined ? undefined : decodedText(value);
      return name === undefined || text === undefined ? [] : [[name, text]];
    });
    return Object.fromEntries(entries);
  }
}

const NO_REQUEST: PluginRequest = { pairs: [], properties: {}, hasBody: false };
const NO_HEADERS = new HeaderMap();
const NO_SETTLE: Settle = () => undefined;

/** By name: a name with different values was set, and a name without values was removed. */
function changes(before: readonly Pair[], { pairs, touched }: HeaderMap): Pick<Changes, 'set' | 'removed'> {
  if (!touched) return { set: [], removed: [] };
  const changed = [...touched].filter((name) => valuesOf(before, name) !== valuesOf(pairs, name));
  const gone = changed.filter((name) => valuesOf(pairs, name) === undefined);
  return { set: pairs.filter(([name]) => changed.includes(name)), removed: gone };
}

type Changes = PluginDecision & { readonly kind: 'continue' };

/** Joins values with a character that no value contains. */
function valuesOf(pairs: readonly Pair[], name: string): string | undefined {
  const values = pairs.filter(([each]) => each === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join('\0');
}
