/** Responses that are not forwarded are read to their end, so that their connections can be used again, or cut off. */
import type { Answer } from './engine.js';

const MOST_BYTES = 65_536;
const MOST_MS = 1_000;

/** Call it in the turn in which the head arrived. No event of the call follows. */
export function dropAnswer(answer: Answer): void {
  answer.detach();
  let read = 0;
  const timer = setTimeout(() => answer.destroy(), MOST_MS);
  timer.unref();
  answer.read({
    data: (chunk) => {
      read += chunk.length;
      if (read > MOST_BYTES) answer.destroy();
      return true;
    },
    end: () => clearTimeout(timer),
  });
}
