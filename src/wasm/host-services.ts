/** Host functions that do not concern the request: log, clock, ticks, properties, shared data, queues, metrics. */
import { LIMITS, LOG_LEVELS, Status, type LogLevel } from './abi.js';
import type { HostFunctions, Turn } from './host.js';
import { encodeProperty, isReserved, propertyPath, type PropertyValue } from './properties.js';

export function serviceFunctions(turn: Turn): HostFunctions {
  return { ...logFunctions(turn), ...propertyFunctions(turn), ...storeFunctions(turn), ...metricFunctions(turn) };
}

function logFunctions(turn: Turn): HostFunctions {
  const threshold = LOG_LEVELS.indexOf(turn.options.logLevel);
  return {
    proxy_log: (level: number, text: number, size: number) => {
      const name: LogLevel | undefined = LOG_LEVELS[level >>> 0];
      if (name === undefined) return Status.BadArgument;
      if (level < threshold) return Status.Ok;
      turn.host.log(name, turn.memory.read(text, Math.min(size >>> 0, LIMITS.logBytes)).toString('utf8'));
      return Status.Ok;
    },
    proxy_get_log_level: (levelAt: number) => {
      turn.memory.writeU32(levelAt, threshold);
      return Status.Ok;
    },
    proxy_get_current_time_nanoseconds: (timeAt: number) => {
      turn.memory.writeU64(timeAt, turn.host.now());
      return Status.Ok;
    },
    proxy_set_tick_period_milliseconds: (period: number) => {
      const everyMs = period >>> 0;
      turn.host.tick(everyMs === 0 ? 0 : Math.min(Math.max(everyMs, LIMITS.tickMs), LIMITS.longestTickMs));
      return Status.Ok;
    },
  };
}

function propertyFunctions(turn: Turn): HostFunctions {
  return {
    proxy_get_property: (path: number, size: number, dataAt: number, sizeAt: number) => {
      const segments = propertyPath(turn.memory.text(path, size));
      const value = propertyOf(turn, segments);
      if (value === undefined) return Status.NotFound;
      turn.memory.give(Buffer.isBuffer(value) ? value : encodeProperty(value), dataAt, sizeAt);
      return Status.Ok;
    },
    proxy_set_property: (path: number, size: number, value: number, valueSize: number) => {
      const segments = propertyPath(turn.memory.text(path, size));
      const stream = turn.stream();
      if (!stream || segments[0] === '' || isReserved(segments)) return Status.BadArgument;
      return stream.setProperty(segments.join('\0'), turn.memory.read(value, valueSize));
    },
  };
}

function propertyOf(turn: Turn, segments: readonly string[]): PropertyValue | Buffer | undefined {
  const { name, rootId, vmId } = turn.options;
  const path = segments.join('.');
  const own: Readonly<Record<string, string>> = { plugin_name: name, plugin_root_id: rootId, plugin_vm_id: vmId };
  if (Object.hasOwn(own, path)) return own[path];
  const stream = turn.stream();
  if (!stream) return undefined;
  const [root, group, ...rest] = segments;
  if (root === 'request' && group === 'headers') {
    if (rest.length === 0) return stream.headers.pairs;
    const value = stream.headers.get(rest.join('.'));
    return value === undefined ? undefined : Buffer.from(value, 'latin1');
  }
  const { properties } = stream.request;
  return Object.hasOwn(properties, path) ? properties[path] : stream.property(segments.join('\0'));
}

function storeFunctions(turn: Turn): HostFunctions {
  const text = (pointer: number, size: number): string => turn.memory.text(pointer, size);
  return {
    proxy_get_shared_data: (key: number, keySize: number, dataAt: number, sizeAt: number, casAt: number) => {
      const entry = turn.host.shared.get(text(key, keySize));
      if (!entry) return Status.NotFound;
      turn.memory.give(entry.value, dataAt, sizeAt);
      turn.memory.writeU32(casAt, entry.cas);
      return Status.Ok;
    },
    // Values over the limit are not copied: they would cross to the gateway's thread, and back at each read.
    proxy_set_shared_data: (key: number, keySize: number, value: number, valueSize: number, cas: number) => {
      if (valueSize >>> 0 > LIMITS.itemBytes) return Status.BadArgument;
      return turn.host.shared.set(text(key, keySize), turn.memory.read(value, valueSize), cas >>> 0);
    },
    proxy_register_shared_queue: (name: number, size: number, tokenAt: number) => {
      const token = turn.host.queues.register(text(name, size));
      if (token === 0) return Status.BadArgument;
      turn.memory.writeU32(tokenAt, token);
      return Status.Ok;
    },
    proxy_resolve_shared_queue: (vmId: number, vmIdSize: number, name: number, size: number, tokenAt: number) => {
      const known = text(vmId, vmIdSize) === turn.options.vmId || vmIdSize === 0;
      const token = known ? turn.host.queues.resolve(text(name, size)) : undefined;
      if (token === undefined) return Status.NotFound;
      turn.memory.writeU32(tokenAt, token);
      return Status.Ok;
    },
    proxy_enqueue_shared_queue: (token: number, value: number, size: number) => {
      if (size >>> 0 > LIMITS.itemBytes) return Status.InternalFailure;
      const status = turn.host.queues.enqueue(token >>> 0, turn.memory.read(value, size));
      if (status === Status.Ok) turn.host.queued(token >>> 0);
      return status;
    },
    proxy_dequeue_shared_queue: (token: number, dataAt: number, sizeAt: number) => {
      const item = turn.host.queues.dequeue(token >>> 0);
      if (typeof item === 'number') return item;
      turn.memory.give(item, dataAt, sizeAt);
      return Status.Ok;
    },
  };
}

function metricFunctions(turn: Turn): HostFunctions {
  const { metrics } = turn.host;
  return {
    proxy_define_metric: (type: number, name: number, size: number, idAt: number) => {
      const defined = metrics.define(type >>> 0, turn.memory.text(name, size));
      if (typeof defined === 'number') return defined;
      turn.memory.writeU32(idAt, defined.id);
      return Status.Ok;
    },
    proxy_increment_metric: (id: number, offset: bigint) => metrics.increment(id >>> 0, offset),
    proxy_record_metric: (id: number, value: bigint) => metrics.record(id >>> 0, value),
    proxy_get_metric: (id: number, valueAt: number) => {
      const value = metrics.get(id >>> 0);
      if (value === undefined) return Status.NotFound;
      turn.memory.writeU64(valueAt, value);
      return Status.Ok;
    },
  };
}
