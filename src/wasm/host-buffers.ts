/** Host functions on buffers: configurations, the request body, and the body of a call's response. */
import { BufferType, LAST_BUFFER_TYPE, Status } from './abi.js';
import type { HostFunctions, Turn } from './host.js';

const MOST = 0xffff_ffff;

export function bufferFunctions(turn: Turn): HostFunctions {
  return {
    proxy_get_buffer_bytes: (type: number, start: number, most: number, dataAt: number, sizeAt: number) => {
      const bytes = bufferOf(turn, type >>> 0);
      if (typeof bytes === 'number') return bytes;
      const [from, size] = [start >>> 0, most >>> 0];
      if (from + size > MOST) return Status.BadArgument;
      turn.memory.give(bytes.subarray(from, from + size), dataAt, sizeAt);
      return Status.Ok;
    },
    proxy_get_buffer_status: (type: number, sizeAt: number, flagsAt: number) => {
      const bytes = bufferOf(turn, type >>> 0);
      if (typeof bytes === 'number') return bytes;
      turn.memory.writeU32(sizeAt, bytes.length);
      turn.memory.writeU32(flagsAt, 0);
      return Status.Ok;
    },
    /**
     * Returns an error: a plugin must not rewrite the body, because the upstream must receive the body that was
     * checked.
     */
    proxy_set_buffer_bytes: (type: number) => {
      const bytes = bufferOf(turn, type >>> 0);
      return typeof bytes === 'number' ? bytes : Status.Unimplemented;
    },
    /** ABI 0.1.0. */
    proxy_get_configuration: (dataAt: number, sizeAt: number) => {
      turn.memory.give(turn.options.config, dataAt, sizeAt);
      return Status.Ok;
    },
  };
}

function bufferOf(turn: Turn, type: number): Uint8Array | typeof Status.BadArgument | typeof Status.NotFound {
  if (type > LAST_BUFFER_TYPE) return Status.BadArgument;
  if (type === BufferType.VmConfiguration) return turn.options.vmConfig;
  if (type === BufferType.PluginConfiguration) return turn.options.config;
  if (type === BufferType.CallResponseBody) return turn.response()?.body ?? Status.NotFound;
  if (type === BufferType.RequestBody) return turn.stream()?.request.body ?? Status.NotFound;
  return Status.NotFound;
}
