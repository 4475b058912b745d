/** The contexts of one VM: the root, the streams that are not deleted yet, and whose turn it is. */
import { LIMITS } from './abi.js';
import type { CallResponse } from './decision.js';
import type { Turn } from './host.js';
import type { Stream } from './stream.js';

export const ROOT = 1;
const MOST_CONTEXTS = 0xffff_fff0;

export class Contexts {
  readonly streams = new Map<number, Stream>();
  /** Streams that may go on as soon as the module has returned. */
  readonly resumed = new Set<Stream>();
  effective = ROOT;
  /** The answer to a call, while it is told. */
  response: CallResponse | undefined;
  /** By the token of a call; undefined: the root context asked. */
  readonly #calls = new Map<number, Stream | undefined>();
  /** Whose `on_done` said that they are not. */
  readonly #pending = new Set<number>();
  #rootCalls = 0;
  #lastContext = ROOT;
  #lastToken = 0;

  nextId(): number {
    do this.#lastContext = this.#lastContext >= MOST_CONTEXTS ? ROOT + 1 : this.#lastContext + 1;
    while (this.streams.has(this.#lastContext));
    return this.#lastContext;
  }

  /** False: nobody asked, or the answer has been told. */
  answered(token: number): boolean {
    if (!this.#calls.has(token)) return false;
    const stream = this.#calls.get(token);
    this.#calls.delete(token);
    if (stream) stream.calls -= 1;
    else this.#rootCalls -= 1;
    return true;
  }

  /** The context stays until the module says `proxy_done` in it. */
  waitForDone(context: number): void {
    this.#pending.add(context);
  }

  /** What host functions see and change; `deleted` tells of contexts that are done after all. */
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
