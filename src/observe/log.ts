/** The operator's log: one JSON line an event, through pino; secrets are never handed to it. */
import { pino, type DestinationStream } from 'pino';
import type { Log } from '../lib/types.js';

/**
 * A log on a stream, by default standard error, so that a command's own output stays clean.
 *
 * @example createLog({ level: 'info' }).info({ address: ':8080' }, 'listening')
 */
export function createLog(options: { level?: string; stream?: DestinationStream } = {}): Log {
  const { level = 'info', stream = pino.destination({ fd: 2, sync: true }) } = options;
  return pino(
    { name: 'loom-auth', level, base: { name: 'loom-auth' }, timestamp: pino.stdTimeFunctions.isoTime },
    stream,
  );
}
