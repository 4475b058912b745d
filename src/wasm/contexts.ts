/** The contexts of one VM: the root context, the streams that are not deleted yet, and the effective context. */
import { LIMITS } from './abi.js';
import type { CallResponse } from './decision.js';
import type { Turn } from './host.js';
import type { Stream } from './stream.js';

export const ROOT = 1;
const MOST_CONTEXTS = 0xffff_fff0;

export class Contexts {
  readonly streams = new Map<number, Stream>();
  /** Streams that continue as soon as the module has returned. */
  readonly resumed = new Set<Stream>();
  effective = ROOT;
  /** The response to a call, during its callback. */
  response: CallResponse | undefined;
  /** The caller of each call, by token. `undefined` means the root context. */
  readonly #calls = new Map<number, Stream | undefined>();
  /** Contexts whose `on_done` returned false. */
  readonly #pending = new Set<number>();
  #rootCalls = 0;
  #lastContext = ROOT;
  #lastToken = 0;

  nextId(): number {
    do this.#lastContext = this.#lastContext >= MOST_CONTEXTS ? ROOT + 1 : this.#lastContext + 1;
    while (this.streams.has(this.#lastContext));
    return this.#lastContext;
  }

  /** Returns false if the token is unknown, or its response was already delivered. */
  answered(token: number): boolean {
    if (!this.#calls.has(token)) return false;
    const stream = this.#calls.get(token);
    this.#calls.delete(token);
    if (stream) stream.calls -= 1;
    else this.#rootCalls -= 1;
    return true;
  }

  /** Keeps the context until the module calls `proxy_done` in it. */
  waitForDone(context: number): void {
    this.#pending.add(context);
  }

  /** The state that host functions read and change. `deleted` receives contexts that became done later. */
  turn(deleted: (context: number) => void): Omit<Turn, 'memory' | 'options' | 'host'> {
    const current = (): Stream | undefined => this.streams.get(this.effective);
    return {
      stream: current,
      response: () => this.response,
      setEffective: (context) => {
        const known = context === ROOT || this.streams.has(context);
        if (known) this.effective = context;
        return known;
      },
      done: () => {
        const context = this.effective;
        const waited = this.#pending.delete(context);
        if (waited) deleted(context);
        return waited;
      },
      resume: () => {
        const stream = current();
        if (!stream) return false;
        stream.resumed = true;
        this.resumed.add(stream);
        return true;
      },
      mayCall: () => {
        const stream = current();
        return stream ? stream.calls < LIMITS.callsPerStream : this.#rootCalls < LIMITS.callsOfRoot;
      },
      nextToken: () => (this.#lastToken = (this.#lastToken % 0xffff_ffff) + 1),
      called: (token) => {
        const stream = current();
        if (stream) stream.calls += 1;
        else this.#rootCalls += 1;
        this.#calls.set(token, stream);
      },
    };
  }
}
