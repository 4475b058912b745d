/**
 * Host functions that decide: continue, close, or a response of the plugin; and the choice of the effective context.
 */
import { LAST_STREAM_TYPE, LIMITS, Status, StreamType } from './abi.js';
import type { HostFunctions, Turn } from './host.js';
import { decodePairs, isField } from './header-map.js';

export function streamFunctions(turn: Turn): HostFunctions {
  const resume = (): Status => (turn.resume() ? Status.Ok : Status.BadArgument);
  const onRequest = (type: number, act: () => Status): Status => {
    if (type >>> 0 > LAST_STREAM_TYPE) return Status.BadArgument;
    return type === StreamType.HttpRequest ? act() : Status.Unimplemented;
  };
  return {
    proxy_continue_stream: (type: number) => onRequest(type, resume),
    /** ABI 0.1.0. */
    proxy_continue_request: resume,
    proxy_continue_response: () => Status.Unimplemented,
    /** ABI 0.1.0; later SDKs still declare it. The route is selected before any plugin runs. */
    proxy_clear_route_cache: () => Status.Ok,
    proxy_close_stream: (type: number) =>
      onRequest(type, () => {
        turn.stream()?.decide({ kind: 'fault', fault: 'closed', detail: 'the plugin closed the stream' });
        return Status.Ok;
      }),
    proxy_send_local_response: (
      status: number,
      details: number,
      detailsSize: number,
      body: number,
      bodySize: number,
      headers: number,
      headersSize: number,
    ) => {
      if (bodySize >>> 0 > LIMITS.responseBytes || headersSize >>> 0 > LIMITS.mapBytes) return Status.BadArgument;
      const pairs = decodePairs(turn.memory.read(headers, headersSize));
      if (!pairs) return Status.ParseFailure;
      if (!pairs.every(isField)) return Status.BadArgument;
      const text = turn.memory.read(details, detailsSize).subarray(0, LIMITS.logBytes).toString('utf8');
      return respond(turn, { status: status >>> 0, pairs, body: turn.memory.read(body, bodySize), details: text });
    },
    proxy_set_effective_context: (context: number) =>
      turn.setEffective(context >>> 0) ? Status.Ok : Status.BadArgument,
    proxy_done: () => (turn.done() ? Status.Ok : Status.NotFound),
  };
}

interface Local {
  readonly status: number;
  readonly pairs: Exclude<ReturnType<typeof decodePairs>, undefined>;
  readonly body: Buffer;
  readonly details: string;
}

function respond(turn: Turn, { status, pairs, body, details }: Local): Status {
  const stream = turn.stream();
  if (!stream) return Status.BadArgument;
  if (status < 200 || status > 599) {
    const detail = `the plugin responded with the status ${status}`;
    stream.decide({ kind: 'fault', fault: 'bad_response', detail });
    return Status.BadArgument;
  }
  stream.decide({ kind: 'respond', response: { status, headers: pairs, body }, details });
  return Status.Ok;
}
