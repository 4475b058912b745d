/**
 * The functions of WASI preview 1 that proxy-wasm modules import: clocks, random bytes, environment, output to the log.
 */
import type { Memory } from './memory.js';

/** Ends the instance, for `proxy_exit` and similar functions. A `_start` that exits with 0 has only returned. */
export class ProcessExit extends Error {
  override readonly name = 'ProcessExit';
  constructor(readonly exitCode: number) {
    super(`the module exited with ${exitCode}`);
  }
}

export interface WasiHost {
  readonly memory: Memory;
  readonly env: Readonly<Record<string, string>>;
  /** Nanoseconds since the Unix epoch, and of a monotonic clock. */
  now(): bigint;
  monotonic(): bigint;
  random(size: number): Buffer;
  /** A line that the module printed. 1 is standard output, 2 is standard error. */
  print(stream: 1 | 2, line: string): void;
}

const ERRNO = { success: 0, badf: 8, inval: 28, nosys: 52, fault: 21 } as const;
const LONGEST_RANDOM = 65_536;
const LONGEST_LINE = 8_192;
/** Bytes in one call. */
const MOST_PRINTED = 65_536;
const CHARACTER_DEVICE = 2;

export type WasiFunction = (...args: never[]) => number | void;

/** Calls the host only while the module runs, so `host.memory` may be set after the imports. */
export function wasiFunctions(host: WasiHost): Readonly<Record<string, WasiFunction>> {
  const printed: Record<1 | 2, string> = { 1: '', 2: '' };
  const print = (stream: 1 | 2, text: string): void => {
    const lines = (printed[stream] + text).split('\n');
    printed[stream] = lines.pop() as string;
    // Panic messages arrive in a dozen pieces. A message without a line end must not be kept forever.
    if (printed[stream].length > LONGEST_LINE) lines.push(printed[stream].slice(0, LONGEST_LINE));
    if (printed[stream].length > LONGEST_LINE) printed[stream] = '';
    for (const line of lines) host.print(stream, line.slice(0, LONGEST_LINE));
  };
  return {
    ...stubs(),
    ...environment(host),
    fd_write: (fd: number, vectors: number, count: number, writtenAt: number) => {
      if (fd !== 1 && fd !== 2) return ERRNO.badf;
      if (count > 1_024) return ERRNO.inval;
      let [written, room] = [0, MOST_PRINTED];
      for (let at = 0; at < count; at += 1) {
        const [pointer, length] = twoWords(host.memory, vectors + at * 8);
        // The rest is dropped: it bounds the length of a log line, the heap, and the time for a million line ends.
        const taken = Math.min(length, LONGEST_LINE, room);
        print(fd, host.memory.read(pointer, taken).toString('utf8'));
        room -= taken;
        written += length;
      }
      host.memory.writeU32(writtenAt, written);
      return ERRNO.success;
    },
    clock_time_get: (id: number, _precision: bigint, timeAt: number) => {
      if (id > 3) return ERRNO.inval;
      host.memory.writeU64(timeAt, id === 0 ? host.now() : host.monotonic());
      return ERRNO.success;
    },
    clock_res_get: (id: number, resolutionAt: number) => {
      if (id > 3) return ERRNO.inval;
      host.memory.writeU64(resolutionAt, 1_000n);
      return ERRNO.success;
    },
    random_get: (pointer: number, length: number) => {
      if (length >>> 0 > LONGEST_RANDOM) return ERRNO.inval;
      host.memory.writeBytes(pointer, host.random(length >>> 0));
      return ERRNO.success;
    },
    fd_fdstat_get: (fd: number, statAt: number) => {
      if (fd < 0 || fd > 2) return ERRNO.badf;
      const stat = Buffer.alloc(24);
      stat[0] = CHARACTER_DEVICE;
      host.memory.writeBytes(statAt, stat);
      return ERRNO.success;
    },
    proc_exit: (code: number) => {
      throw new ProcessExit(code);
    },
    sched_yield: () => ERRNO.success,
    // The Go runtime sleeps with it, and aborts if it fails.
    poll_oneoff: (_in: number, _out: number, _count: number, eventsAt: number) => {
      host.memory.writeU32(eventsAt, 0);
      return ERRNO.success;
    },
  };
}

/** Names without arguments: `[]` of `args`, `NAME=value` of the environment. */
function environment(host: WasiHost): Record<string, WasiFunction> {
  const entries = Object.entries(host.env).map(([name, value]) => Buffer.from(`${name}=${value}\0`));
  return {
    args_sizes_get: (countAt: number, bytesAt: number) => sizes(host.memory, [countAt, bytesAt], []),
    args_get: () => ERRNO.success,
    environ_sizes_get: (countAt: number, bytesAt: number) => sizes(host.memory, [countAt, bytesAt], entries),
    environ_get: (pointersAt: number, bytesAt: number) => {
      let at = bytesAt;
      entries.forEach((entry, index) => {
        host.memory.writeU32(pointersAt + index * 4, at);
        host.memory.writeBytes(at, entry);
        at += entry.length;
      });
      return ERRNO.success;
    },
  };
}

function sizes(memory: Memory, [countAt, bytesAt]: readonly [number, number], entries: readonly Buffer[]): number {
  memory.writeU32(countAt, entries.length);
  memory.writeU32(
    bytesAt,
    entries.reduce((sum, { length }) => sum + length, 0),
  );
  return ERRNO.success;
}

function twoWords(memory: Memory, pointer: number): readonly [number, number] {
  const bytes = memory.read(pointer, 8);
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}

/** There are no files and no sockets: every descriptor is bad, and no path exists. */
function stubs(): Record<string, WasiFunction> {
  const bad = [
    ...['fd_advise', 'fd_allocate', 'fd_close', 'fd_datasync', 'fd_fdstat_set_flags', 'fd_fdstat_set_rights'],
    ...['fd_filestat_get', 'fd_filestat_set_size', 'fd_filestat_set_times', 'fd_pread', 'fd_prestat_get'],
    ...['fd_prestat_dir_name', 'fd_pwrite', 'fd_read', 'fd_readdir', 'fd_renumber', 'fd_seek', 'fd_sync', 'fd_tell'],
  ];
  const absent = [
    ...['path_create_directory', 'path_filestat_get', 'path_filestat_set_times', 'path_link', 'path_open'],
    ...['path_readlink', 'path_remove_directory', 'path_rename', 'path_symlink', 'path_unlink_file'],
    ...['proc_raise', 'sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown'],
  ];
  return Object.fromEntries<WasiFunction>([
    ...bad.map((name) => [name, () => ERRNO.badf] as const),
    ...absent.map((name) => [name, () => ERRNO.nosys] as const),
  ]);
}

const NAMES: ReadonlySet<string> = new Set(Object.keys(wasiFunctions({ env: {} } as WasiHost)));

/** Whether modules may import it. */
export const isWasiFunction = (name: string): boolean => NAMES.has(name);
