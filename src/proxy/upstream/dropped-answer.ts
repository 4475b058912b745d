/** Answers of an upstream taken from the proxy; those that are not passed on are read off, or cut where that takes long. */
import type { IncomingMessage } from 'node:http';

const MOST_BYTES = 65_536;
const MOST_MS = 1_000;

/**
 * Removes what the proxy does when a response fails: it destroys the client's response, also where that is to hold an
 * answer of ours or of another attempt. For a response whose head has just come; the proxy adds its listeners in this turn.
 */
export function takeFromProxy(message: IncomingMessage, failed: (error: unknown) => void, then?: () => void): void {
  process.nextTick(() => {
    message.removeAllListeners('close');
    message.removeAllListeners('error');
    message.on('error', failed);
    then?.();
  });
}

/** Reads an answer off, so that its connection can be used again. */
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
