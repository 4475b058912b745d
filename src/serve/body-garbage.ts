/** Collects the buffers of bodies that have gone through: V8 leaves 100 MB of them lying before it does so itself. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Rare enough to cost a thousandth of a second per 8 MiB, and nothing for ordinary requests. */
const COLLECT_AFTER_BYTES = 8 * 2 ** 20;

type Collect = (options: { readonly type: 'minor'; readonly execution: 'sync' }) => void;

/** For a process of our own alone: a library has no business with its host's collector. */
export function bodyGarbage(): (bytes: number) => void {
  const collect = exposedCollector();
  let moved = 0;
  return (bytes) => {
    moved += bytes;
    if (moved < COLLECT_AFTER_BYTES) return;
    moved = 0;
    collect?.({ type: 'minor', execution: 'sync' });
  };
}

function exposedCollector(): Collect | undefined {
  setFlagsFromString('--expose-gc');
  const exposed: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  return typeof exposed === 'function' ? (exposed as Collect) : undefined;
}
