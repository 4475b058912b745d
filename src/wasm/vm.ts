/**
 * One running instance of a plugin: its contexts and callbacks. It has no threads and no I/O. A trap ends the instance.
 */
import { CONTINUE, LIMITS, PAGE_BYTES } from './abi.js';
import { ModuleError } from './binary.js';
import { Contexts, ROOT } from './contexts.js';
import {
  FAILED_CALL,
  type CallResponse,
  type PluginDecision,
  type PluginFault,
  type PluginRequest,
} from './decision.js';
import { DeadlineError } from './host.js';
import { linkModule, type Linked, type VmParts } from './link.js';
import { Stream, type Settle } from './stream.js';
import { ProcessExit } from './wasi.js';

export class PluginVm {
  readonly #parts: VmParts;
  readonly #linked: Linked;
  readonly #contexts = new Contexts();
  #decided: Stream[] = [];
  /** Contexts that called `proxy_done`, to be deleted once the module has returned. */
  readonly #done: number[] = [];
  #fault: Error | undefined;

  /**
   * Instantiates and starts the module.
   *
   * @throws ModuleError if it does not start, or `on_vm_start` or `on_configure` returns false
   */
  constructor(parts: VmParts) {
    this.#parts = parts;
    const { options, host } = parts;
    host.running(true);
    try {
      this.#linked = linkModule(parts, {
        options,
        host,
        ...this.#contexts.turn((context) => this.#done.push(context)),
      });
      this.#start();
    } catch (cause) {
      if (cause instanceof ModuleError) throw cause;
      throw new ModuleError(`does not start: ${(cause as Error).message}`, { cause });
    } finally {
      host.running(false);
    }
  }

  /** Why the instance cannot be used any more. */
  get fault(): Error | undefined {
    return this.#fault;
  }

  get memoryBytes(): number {
    return this.#linked.memory.size;
  }

  /** Contexts that are not deleted yet, including decided ones. */
  get openStreams(): number {
    return this.#contexts.streams.size;
  }

  /** Whether every request of the instance is decided. */
  get isIdle(): boolean {
    for (const { decided } of this.#contexts.streams.values()) if (!decided) return false;
    return true;
  }

  /** Runs a request. Calls `settle` exactly once, possibly before this method returns. */
  begin(request: PluginRequest, settle: Settle): Stream {
    const { streams } = this.#contexts;
    const stream: Stream = new Stream(this.#contexts.nextId(), request, (decision) => {
      this.#decided.push(stream);
      settle(decision);
    });
    if (this.#fault) {
      stream.decide({ kind: 'fault', fault: 'unavailable', detail: this.#fault.message });
      return stream;
    }
    if (streams.size >= LIMITS.openStreams) {
      stream.decide({ kind: 'fault', fault: 'overloaded', detail: 'too many requests wait for the plugin' });
      return stream;
    }
    streams.set(stream.id, stream);
    this.#run(stream.id, () => {
      this.#linked.call('proxy_on_context_create', stream.id, ROOT);
      this.#headers(stream);
    });
    return stream;
  }

  /** The decision of the stream is no longer needed. The plugin is notified that the stream is done. */
  abandon(stream: Stream, decision: PluginDecision): void {
    stream.decide(decision);
    this.#run(ROOT, () => undefined);
  }

  /** Delivers the response to a call, even if its stream is gone. */
  answerCall(token: number, response: CallResponse = FAILED_CALL): void {
    if (!this.#contexts.answered(token)) return;
    this.#run(ROOT, () => {
      this.#contexts.response = response;
      const { pairs, body, trailers } = response;
      // Use the root context: SDKs look up the call there and then select the effective context themselves.
      this.#linked.call('proxy_on_http_call_response', ROOT, token, pairs.length, body.length, trailers.length);
    });
  }

  tick(): void {
    this.#run(ROOT, () => this.#linked.call('proxy_on_tick', ROOT));
  }

  queueReady(token: number): void {
    this.#run(ROOT, () => this.#linked.call('proxy_on_queue_ready', ROOT, token));
  }

  #start(): void {
    const { call, has } = this.#linked;
    const { config, vmConfig } = this.#parts.options;
    this.#linked.starting(() => {
      if (has('_initialize')) {
        call('_initialize');
        if (has('main')) call('main', 0, 0);
        else call('__main_void');
      } else this.#runStart();
    });
    call('proxy_on_context_create', ROOT, 0);
    if (call('proxy_on_vm_start', ROOT, vmConfig.length) === 0) throw new ModuleError('on_vm_start refused to start');
    if (call('proxy_on_configure', ROOT, config.length) === 0) {
      throw new ModuleError('on_configure refused its configuration');
    }
  }

  #runStart(): void {
    try {
      this.#linked.call('_start');
    } catch (cause) {
      // A command that exits with 0 has only returned.
      if (!(cause instanceof ProcessExit) || cause.exitCode !== 0) throw cause;
    }
  }

  #headers(stream: Stream): void {
    const { request, headers, id } = stream;
    const last = !request.hasBody && !request.body?.length;
    const action = this.#linked.call('proxy_on_request_headers', id, headers.pairs.length, last ? 1 : 0);
    if (this.#mayGoOn(stream, action, 'headers')) this.#body(stream);
  }

  #body(stream: Stream): void {
    const { body } = stream.request;
    if (body?.length && this.#linked.has('proxy_on_request_body')) {
      const action = this.#linked.call('proxy_on_request_body', stream.id, body.length, 1);
      if (!this.#mayGoOn(stream, action, 'body')) return;
    }
    stream.admit();
  }

  #mayGoOn(stream: Stream, action: unknown, step: 'headers' | 'body'): boolean {
    if (stream.decided) return false;
    const resumed = stream.resumed;
    stream.resumed = false;
    this.#contexts.resumed.delete(stream);
    if (action === CONTINUE || resumed) return true;
    stream.pausedIn = step;
    return false;
  }

  /** Runs one callback of the module in a context, then continues and ends the streams that it affected. */
  #run(context: number, act: () => void): void {
    this.#enter(context, act);
    const { resumed } = this.#contexts;
    while (!this.#fault && resumed.size + this.#decided.length + this.#done.length > 0) {
      for (const stream of this.#take(resumed)) this.#enter(stream.id, () => this.#goOn(stream));
      const decided = this.#decided;
      this.#decided = [];
      for (const stream of decided) this.#enter(stream.id, () => this.#end(stream));
      for (const context of this.#done.splice(0)) this.#enter(context, () => this.#delete(context));
    }
  }

  #enter(context: number, act: () => void): void {
    if (this.#fault) return;
    this.#contexts.effective = context;
    this.#parts.host.running(true);
    try {
      act();
    } catch (cause) {
      this.#die(cause);
    } finally {
      this.#parts.host.running(false);
      this.#contexts.effective = ROOT;
      this.#contexts.response = undefined;
    }
  }

  #take(streams: Set<Stream>): readonly Stream[] {
    if (streams.size === 0) return [];
    const taken = [...streams];
    streams.clear();
    return taken;
  }

  #goOn(stream: Stream): void {
    const { pausedIn } = stream;
    stream.pausedIn = undefined;
    stream.resumed = false;
    if (stream.decided) return;
    if (pausedIn === 'headers') this.#body(stream);
    else stream.admit();
  }

  #end(stream: Stream): void {
    if (!this.#contexts.streams.has(stream.id)) return;
    if (this.#linked.call('proxy_on_done', stream.id) === 0) this.#contexts.waitForDone(stream.id);
    else this.#delete(stream.id);
  }

  #delete(context: number): void {
    this.#linked.call('proxy_on_log', context);
    this.#linked.call('proxy_on_delete', context);
    this.#contexts.streams.get(context)?.release();
    this.#contexts.streams.delete(context);
  }

  /** After a trap, locks may be held and invariants broken. The instance is not used again. */
  #die(cause: unknown): void {
    this.#fault = cause instanceof Error ? cause : new Error('the plugin trapped');
    const full = this.memoryBytes + PAGE_BYTES > this.#parts.options.memoryLimitBytes;
    const trap: PluginFault = full ? 'out_of_memory' : 'trap';
    const fault = cause instanceof DeadlineError ? 'timeout' : trap;
    const open = [...this.#contexts.streams.values()];
    this.#contexts.streams.clear();
    for (const stream of open) stream.decide({ kind: 'fault', fault, detail: this.#fault.message });
    this.#decided = [];
  }
}
