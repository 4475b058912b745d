/** The operator's log: one line an event, through pino; secrets are never handed to it. */
import { pino, type DestinationStream } from 'pino';
import type { Log } from '../lib/types.js';
import { oneLine } from './one-line.js';
import { textStream } from './text-stream.js';

export interface LogOptions {
  /** `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. Default: `info`. */
  readonly level?: string;
  /** `json`, or `text` for people. Default: `json`. */
  readonly format?: 'json' | 'text';
  readonly stream?: DestinationStream;
  /** The number of this process among several, which stands in each line. */
  readonly worker?: number | undefined;
}

/** A log of ours, whose level can be changed. */
export interface LeveledLog extends Log {
  level: string;
}

/**
 * A log on a stream, by default standard error, so that a command's own output stays clean.
 *
 * @example createLog({ level: 'info' }).info({ address: ':8080' }, 'listening')
 */
export function createLog(options: LogOptions = {}): LeveledLog {
  const { level = 'info', format = 'json', stream = standardError(), worker } = options;
  const escaped: DestinationStream = { write: (line) => stream.write(oneLine(line)) };
  return pino(
    {
      level,
      base: { name: 'loom-auth', ...(worker !== undefined && { worker }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    format === 'text' ? textStream(escaped) : escaped,
  );
}

/** What a log may hold back while nobody takes it; what comes then is lost, rather than the process. */
const HELD_BACK_BYTES = 1_048_576;

/** Standard error, on which a full disk is no reason to end: without a listener the first failed line would be. */
function standardError(): DestinationStream {
  return pino.destination({ fd: 2, sync: true, maxLength: HELD_BACK_BYTES }).on('error', () => undefined);
}
