/** A module that exports every host function again. Tests call it like a plugin, and read status and memory. */
import { Contexts } from '../../src/wasm/contexts.js';
import type { CallResponse, OutboundCall, PluginDecision, PluginRequest } from '../../src/wasm/decision.js';
import type { VmHost, VmOptions } from '../../src/wasm/host.js';
import { linkModule, type Linked } from '../../src/wasm/link.js';
import { PluginMetrics } from '../../src/wasm/metrics.js';
import { loadModule } from '../../src/wasm/module.js';
import { Queues } from '../../src/wasm/queues.js';
import { SharedData } from '../../src/wasm/shared-data.js';
import { Stream } from '../../src/wasm/stream.js';
import { fromWat, pluginWat } from '../support/wat.js';

/** The signature of every host function: `i` is an i32 parameter, `I` is an i64. */
const SIGNATURES: Readonly<Record<string, string>> = {
  proxy_log: 'iii',
  proxy_get_log_level: 'i',
  proxy_get_current_time_nanoseconds: 'i',
  proxy_set_tick_period_milliseconds: 'i',
  proxy_get_buffer_bytes: 'iiiii',
  proxy_get_buffer_status: 'iii',
  proxy_set_buffer_bytes: 'iiiii',
  proxy_get_configuration: 'ii',
  proxy_get_header_map_pairs: 'iii',
  proxy_set_header_map_pairs: 'iii',
  proxy_get_header_map_size: 'ii',
  proxy_get_header_map_value: 'iiiii',
  proxy_add_header_map_value: 'iiiii',
  proxy_replace_header_map_value: 'iiiii',
  proxy_remove_header_map_value: 'iii',
  proxy_continue_stream: 'i',
  proxy_close_stream: 'i',
  proxy_continue_request: '',
  proxy_continue_response: '',
  proxy_clear_route_cache: '',
  proxy_send_local_response: 'iiiiiiii',
  proxy_http_call: 'iiiiiiiiii',
  proxy_set_effective_context: 'i',
  proxy_done: '',
  proxy_get_shared_data: 'iiiii',
  proxy_set_shared_data: 'iiiii',
  proxy_register_shared_queue: 'iii',
  proxy_resolve_shared_queue: 'iiiii',
  proxy_enqueue_shared_queue: 'iii',
  proxy_dequeue_shared_queue: 'iii',
  proxy_define_metric: 'iiii',
  proxy_increment_metric: 'iI',
  proxy_record_metric: 'iI',
  proxy_get_metric: 'ii',
  proxy_get_property: 'iiii',
  proxy_set_property: 'iiii',
  proxy_grpc_call: 'iiiiiiiiiiii',
  proxy_grpc_stream: 'iiiiiiiii',
  proxy_grpc_send: 'iiii',
  proxy_grpc_cancel: 'i',
  proxy_grpc_close: 'i',
  proxy_get_status: 'iii',
  proxy_call_foreign_function: 'iiiiii',
  proxy_something_new: 'i',
};

const WASI: Readonly<Record<string, string>> = {
  fd_write: 'iiii',
  clock_time_get: 'iIi',
  clock_res_get: 'ii',
  random_get: 'ii',
  environ_sizes_get: 'ii',
  environ_get: 'ii',
  args_sizes_get: 'ii',
  args_get: 'ii',
  fd_fdstat_get: 'ii',
  fd_close: 'i',
  fd_read: 'iiii',
  path_open: 'iiiiiIIii',
  sched_yield: '',
  poll_oneoff: 'iiii',
};

const typeOf = (signature: string): string =>
  [...signature].map((each) => (each === 'I' ? '(param i64)' : '(param i32)')).join(' ');

const exported = (functions: Readonly<Record<string, string>>): string =>
  Object.keys(functions)
    .map((name) => `(export "${name}" (func $${name}))`)
    .join('\n');

const imported = (module: string, functions: Readonly<Record<string, string>>): string =>
  Object.entries(functions)
    .map(([name, signature]) => `(import "${module}" "${name}" (func $${name} ${typeOf(signature)} (result i32)))`)
    .join('\n');

export const HOST_FUNCTIONS = Object.keys(SIGNATURES).filter((name) => name !== 'proxy_something_new');

export interface Said {
  readonly level: string;
  readonly words: string;
}

export interface Probe {
  readonly linked: Linked;
  readonly contexts: Contexts;
  readonly decisions: PluginDecision[];
  readonly calls: OutboundCall[];
  readonly said: Said[];
  readonly ticks: number[];
  readonly metrics: PluginMetrics;
  readonly stream: Stream;
  /** Calls a host function and returns its status. */
  call(name: string, ...args: readonly (number | bigint)[]): number;
  /** Writes bytes into the memory of the module. Returns pointer and length. */
  put(bytes: string | Uint8Array): [number, number];
  /** Reads what a host function returned: where it wrote pointer and size. */
  given(pointerAt: number, sizeAt: number): Buffer;
  u32(at: number): number;
  /** The response of a call is available during `act`. */
  answering<T>(response: CallResponse, act: () => T): T;
}

export interface ProbeOptions {
  readonly abi?: '0.1.0' | '0.2.0' | '0.2.1';
  readonly request?: Partial<PluginRequest>;
  readonly options?: Partial<VmOptions>;
  readonly acceptsCalls?: boolean;
  readonly allocator?: string;
}

/** Where results are written: below everything that `put` uses. */
export const [A, B, C] = [16, 24, 32] as const;

const SECOND = 1_000_000_000n;
export const NOW = 1_700_000_000n * SECOND;

function parts(given: ProbeOptions, probe: Pick<Probe, 'calls' | 'said' | 'ticks' | 'metrics'>) {
  const options: VmOptions = {
    ...{ name: 'probe', rootId: 'root-of-probe', vmId: 'vm-of-probe', env: { KEY: 'value' }, logLevel: 'info' },
    ...{ config: Buffer.from('{"a":1}'), vmConfig: Buffer.from('vm'), upstreams: ['authz'] },
    ...{ memoryLimitBytes: 16 * 1_048_576, ...given.options },
  };
  const host: VmHost = {
    ...{ shared: new SharedData(), queues: new Queues(), metrics: probe.metrics },
    log: (level, words) => void probe.said.push({ level, words }),
    now: () => NOW,
    monotonic: () => 5n * SECOND,
    random: (size) => Buffer.alloc(size, 7),
    call: (call) => given.acceptsCalls !== false && probe.calls.push(call) > 0,
    tick: (everyMs) => void probe.ticks.push(everyMs),
    check: () => undefined,
    running: () => undefined,
    queued: () => undefined,
  };
  return { options, host };
}

/** A probe in the context of one stream, with a few headers. */
export async function openProbe(given: ProbeOptions = {}): Promise<Probe> {
  const { abi = '0.2.1' } = given;
  const wat = pluginWat({
    imports: `${imported('env', SIGNATURES)}\n${imported('wasi_snapshot_preview1', WASI)}`,
    abi: abi.replaceAll('.', '_'),
    body: `${exported(SIGNATURES)}\n${exported(WASI)}`,
    ...(given.allocator !== undefined && { allocator: given.allocator }),
  });
  const { module, facts } = loadModule(await fromWat(wat), 16 * 1_048_576);
  const probe = { calls: [], said: [], ticks: [], metrics: new PluginMetrics(), decisions: [] as PluginDecision[] };
  const contexts = new Contexts();
  const { options, host } = parts(given, probe);
  const done: number[] = [];
  const linked = linkModule(
    { module, facts, options, host },
    { options, host, ...contexts.turn((context) => done.push(context)) },
  );
  const request: PluginRequest = {
    pairs: [
      [':method', 'GET'],
      [':path', '/a?x=1'],
      [':authority', 'gw'],
      ['x-api-key', 'one'],
      ['x-api-key', 'two'],
      ['empty', ''],
    ],
    properties: { 'request.method': 'GET', 'source.port': 4_711, 'connection.mtls': true },
    hasBody: false,
    ...given.request,
  };
  const stream = new Stream(contexts.nextId(), request, (decision) => probe.decisions.push(decision));
  contexts.streams.set(stream.id, stream);
  contexts.effective = stream.id;
  return { ...probe, linked, contexts, stream, ...handles(linked, contexts) };
}

function handles(linked: Linked, contexts: Contexts) {
  let heap = 1_024;
  const u32 = (at: number): number => linked.memory.read(at, 4).readUInt32LE(0);
  return {
    u32,
    call: (name: string, ...args: readonly (number | bigint)[]): number => {
      // Parameters are numbers, as in a plugin's callbacks. An i64 is a bigint.
      const status = linked.call(name, ...(args as number[]));
      if (typeof status !== 'number') throw new Error(`${name} returned no status`);
      return status;
    },
    put: (bytes: string | Uint8Array): [number, number] => {
      const buffer = Buffer.from(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
      const at = heap;
      linked.memory.writeBytes(at, buffer);
      heap += buffer.length + 8;
      return [at, buffer.length];
    },
    given: (pointerAt: number, sizeAt: number): Buffer => linked.memory.read(u32(pointerAt), u32(sizeAt)),
    answering: <T>(response: CallResponse, act: () => T): T => {
      contexts.response = response;
      try {
        return act();
      } finally {
        contexts.response = undefined;
      }
    },
  };
}
