/** Collects garbage at a moment that V8 cannot know: a large structure has just become unreachable. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/** Blocks for a time that grows with the data that stays in memory. */
export function collectGarbage(): void {
  if (!collect) {
    // A new context has the function `gc` only while the flag is set.
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  collect();
}
