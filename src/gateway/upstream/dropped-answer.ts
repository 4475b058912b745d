/** Reads off an answer that nobody gets, so that its connection can be used again, or ends it where that takes long. */
import type { IncomingMessage } from 'node:http';

const MOST_BYTES = 65_536;
const MOST_MS = 1_000;

/** For a response whose head has just come. */
export function dropAnswer(message: IncomingMessage): void {
  // The proxy adds its listeners in this turn; one of them would end the client's answer with this one.
  process.nextTick(() => {
    message.removeAllListeners('close');
    message.removeAllListeners('error');
    message.on('error', () => undefined);
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
  });
}
