/** The operator's log: one pino line for each event, without secrets. */
import { pino, type DestinationStream } from 'pino';
import { escapeForTerminal } from '../lib/control-character.js';
import type { Log } from '../lib/types.js';
import { standardError } from './standard-error.js';

export interface LogOptions {
  /** `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. Default: `info`. */
  readonly level?: string;
  /** The output format: `json`, or `text` for reading by people. Default: `json`. */
  readonly format?: 'json' | 'text';
  readonly stream?: DestinationStream;
  /** The number of this worker, which is in each line. */
  readonly worker?: number | undefined;
}

/** A Loom log with a level that can be changed. */
export interface LeveledLog extends Log {
  level: string;
}

/**
 * Creates a log on a stream. The default is standard error, so that standard output contains only the output of the
 * command.
 *
 * @example createLog({ level: 'info' }).info({ address: ':8080' }, 'listening')
 */
export function createLog(options: LogOptions = {}): LeveledLog {
  const { level = 'info', format = 'json', stream = standardError(), worker } = options;
  return pino(
    {
      level,
      base: { name: 'loom-auth', ...(worker !== undefined && { worker }) },
      timestamp: isoTime,
      hooks: { streamWrite: (line) => escapeForTerminal(format === 'text' ? textOf(line) : line) },
    },
    stream,
  );
}

let now = 0;
let nowText = '';

/** The time as pino's `isoTime` writes it, made once for all lines of a millisecond. */
function isoTime(): string {
  const at = Date.now();
  if (at !== now) nowText = `,"time":"${new Date((now = at)).toISOString()}"`;
  return nowText;
}

/**
 * Converts a JSON line of pino to a text line: time, level, message, then the fields as `name=value`.
 *
 * @example 2026-01-02T03:04:05.678Z WARN upstream failed status=502 code="upstream_timeout"
 */
function textOf(line: string): string {
  const { time, level, msg, ...facts } = JSON.parse(line) as Record<string, unknown>;
  delete facts['name'];
  const label = (pino.levels.labels[Number(level)] ?? 'info').toUpperCase();
  // JSON keeps a client's text on one line and inside its quotes.
  const pairs = Object.entries(facts).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${[String(time), label, String(msg), ...pairs].join(' ')}\n`;
}
