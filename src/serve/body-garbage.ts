/** Frees the memory of forwarded bodies, in the gateway's own process. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A collection costs about a thousandth of a second per 8 MiB, and ordinary requests cost nothing. */
const COLLECT_AFTER_BYTES = 8 * 2 ** 20;

type Collect = (options: { readonly type: 'minor'; readonly execution: 'sync' }) => void;

/**
 * Frees the buffers of forwarded bodies early: V8 would keep 100 MB of them before its own collection. Only for the
 * gateway's own process: a library must not control the garbage collector of its host.
 */
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
