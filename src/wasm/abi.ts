/** The numbers of the proxy-wasm ABI (0.1.0, 0.2.0, 0.2.1) and the limits of its host. */

/** What a host function returns. */
export const Status = {
  Ok: 0,
  NotFound: 1,
  BadArgument: 2,
  SerializationFailure: 3,
  ParseFailure: 4,
  InvalidMemoryAccess: 6,
  Empty: 7,
  CasMismatch: 8,
  InternalFailure: 10,
  Unimplemented: 12,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

export const MapType = {
  RequestHeaders: 0,
  CallResponseHeaders: 6,
  CallResponseTrailers: 7,
} as const;
/** Higher map types do not exist. Lower map types that are not in `MapType` are always empty here. */
export const LAST_MAP_TYPE = 7;

export const BufferType = {
  RequestBody: 0,
  CallResponseBody: 4,
  VmConfiguration: 6,
  PluginConfiguration: 7,
} as const;
export const LAST_BUFFER_TYPE = 8;

export const StreamType = { HttpRequest: 0 } as const;
export const LAST_STREAM_TYPE = 3;

/** `Continue` is 0. The C++ SDK returns 1 to 4 for its kinds of pause. */
export const CONTINUE = 0;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'critical'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const METRIC_TYPES = ['counter', 'gauge', 'histogram'] as const;
export type MetricType = (typeof METRIC_TYPES)[number];

export const ABI_VERSIONS = ['0.1.0', '0.2.0', '0.2.1'] as const;
export type AbiVersion = (typeof ABI_VERSIONS)[number];

export const PAGE_BYTES = 65_536;

/** Limits on host-side memory. The limit on the module's own memory does not cover it. */
export const LIMITS = {
  headerPairs: 1_024,
  mapBytes: 1_048_576,
  logBytes: 8_192,
  /** Lines in one callback. */
  logLines: 100,
  /** Bytes in one second. Each line also costs `logLine` bytes. */
  logRate: 1_048_576,
  logLine: 100,
  responseBytes: 1_048_576,
  callResponseBytes: 1_048_576,
  callsPerStream: 8,
  /** Open calls of the root context. No request bounds how often the root context is called. */
  callsOfRoot: 16,
  /** Bytes of the bodies of open calls and of their responses. */
  callBytes: 32 * 1_048_576,
  openCalls: 1_000,
  openStreams: 10_000,
  /** Bytes of one value of shared data, or of one item of a queue. */
  itemBytes: 1_048_576,
  sharedKeys: 10_000,
  sharedBytes: 16 * 1_048_576,
  metrics: 1_000,
  queues: 100,
  queueItems: 1_000,
  /** Bytes of all queues together. */
  queueBytes: 16 * 1_048_576,
  queueName: 256,
  properties: 100,
  propertyBytes: 65_536,
  tickMs: 10,
  /** The longest delay of a Node timer. A longer delay would fire at once. */
  longestTickMs: 0x7fff_ffff,
} as const;
