/** Takes upstream responses from the proxy. Responses that are not forwarded are read to their end or cut off. */
import type { IncomingMessage } from 'node:http';

const MOST_BYTES = 65_536;
const MOST_MS = 1_000;

/**
 * Removes the proxy's handling of a failed response. The proxy would destroy the client's response, which must still
 * carry an error or another attempt's response. Call it when the response head has just arrived, because the proxy adds
 * its listeners in the same turn.
 */
export function takeFromProxy(message: IncomingMessage, failed: (error: unknown) => void, then?: () => void): void {
  process.nextTick(() => {
    message.removeAllListeners('close');
    message.removeAllListeners('error');
    message.on('error', failed);
    then?.();
  });
}

/** Reads a response to its end, so that its connection can be used again. */
export function dropAnswer(message: IncomingMessage): void {
  takeFromProxy(
    message,
    () => undefined,
    () => {
      if (message.destroyed || message.complete) {
        message.resume();
        return;
      }
      let read = 0;
      const timer = setTimeout(() => message.destroy(), MOST_MS);
      timer.unref();
      message.once('close', () => clearTimeout(timer));
      message.on('data', (chunk: Buffer) => {
        read += chunk.length;
        if (read > MOST_BYTES) message.destroy();
      });
    },
  );
}
