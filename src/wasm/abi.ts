/** The numbers of the proxy-wasm ABI (0.1.0, 0.2.0, 0.2.1), and the bounds that its host keeps. */

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
/** Map types beyond this one do not exist; those below that are no member of `MapType` are always empty here. */
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

/** `Continue` is 0; C++ returns 1 to 4 for the kinds of pause it knows. */
export const CONTINUE = 0;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'critical'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const METRIC_TYPES = ['counter', 'gauge', 'histogram'] as const;
export type MetricType = (typeof METRIC_TYPES)[number];

export const ABI_VERSIONS = ['0.1.0', '0.2.0', '0.2.1'] as const;
export type AbiVersion = (typeof ABI_VERSIONS)[number];

export const PAGE_BYTES = 65_536;

/** Host-side memory that no limit on the module's own memory covers. */
export const LIMITS = {
  headerPairs: 1_024,
  mapBytes: 1_048_576,
  logBytes: 8_192,
  /** In one callback. */
  logLines: 100,
  /** In one second, with what each line costs besides its words. */
  logRate: 1_048_576,
  logLine: 100,
  responseBytes: 1_048_576,
  callResponseBytes: 1_048_576,
  callsPerStream: 8,
  /** Open ones of the root context: no request bounds how often it is called. */
  callsOfRoot: 16,
  /** Bodies of open calls and of their answers. */
  callBytes: 32 * 1_048_576,
  openCalls: 1_000,
  openStreams: 10_000,
  /** One value of shared data, one item of a queue. */
  itemBytes: 1_048_576,
  sharedKeys: 10_000,
  sharedBytes: 16 * 1_048_576,
  metrics: 1_000,
  queues: 100,
  queueItems: 1_000,
  /** Of all queues together. */
  queueBytes: 16 * 1_048_576,
  queueName: 256,
  properties: 100,
  propertyBytes: 65_536,
  tickMs: 10,
  /** What a timer can wait: beyond that it would fire at once. */
  longestTickMs: 0x7fff_ffff,
} as const;
