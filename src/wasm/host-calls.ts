/** Host functions that send: HTTP calls to named upstreams. gRPC and foreign functions are not supported. */
import { LIMITS, Status } from './abi.js';
import type { HostFunctions, Turn } from './host.js';
import { decodePairs, isField } from './header-map.js';

const REQUIRED = [':method', ':path', ':authority'];
const LONGEST_CALL_MS = 60_000;

export function callFunctions(turn: Turn): HostFunctions {
  return {
    proxy_http_call: (
      upstream: number,
      upstreamSize: number,
      headers: number,
      headersSize: number,
      body: number,
      bodySize: number,
      _trailers: number,
      trailersSize: number,
      timeoutMs: number,
      tokenAt: number,
    ) => {
      if (headersSize >>> 0 > LIMITS.mapBytes || bodySize >>> 0 > LIMITS.mapBytes) return Status.BadArgument;
      const name = turn.memory.text(upstream, upstreamSize);
      const pairs = decodePairs(turn.memory.read(headers, headersSize));
      if (!pairs) return Status.ParseFailure;
      const names = new Set(pairs.map(([each]) => each.toLowerCase()));
      const whole = REQUIRED.every((each) => names.has(each)) && pairs.every(isField) && trailersSize >>> 0 <= 4;
      if (!whole || !turn.options.upstreams.includes(name)) return Status.BadArgument;
      if (!turn.mayCall()) return Status.InternalFailure;
      // Check that the result can be written before the call is sent.
      turn.memory.writeU32(tokenAt, 0);
      const token = turn.nextToken();
      const timeout = Math.min(Math.max(timeoutMs >>> 0, 1), LONGEST_CALL_MS);
      const call = { token, upstream: name, pairs, body: turn.memory.read(body, bodySize), timeoutMs: timeout };
      if (!turn.host.call(call)) return Status.InternalFailure;
      turn.called(token);
      turn.memory.writeU32(tokenAt, token);
      return Status.Ok;
    },
    // Plugins handle a failure. "Unimplemented" traps plugins of the Rust SDK.
    proxy_grpc_call: () => Status.InternalFailure,
    proxy_grpc_stream: () => Status.InternalFailure,
    proxy_grpc_send: () => Status.NotFound,
    proxy_grpc_cancel: () => Status.NotFound,
    proxy_grpc_close: () => Status.NotFound,
    proxy_get_status: (codeAt: number, dataAt: number, sizeAt: number) => {
      turn.memory.writeU32(codeAt, 0);
      turn.memory.give(Buffer.alloc(0), dataAt, sizeAt);
      return Status.Ok;
    },
    proxy_call_foreign_function: () => Status.NotFound,
  };
}
