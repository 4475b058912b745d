/** Waiting for what comes through a pipe or a socket in its own time, and giving up when it never does. */

const PATIENCE_MS = 20_000;

/** Resolves when `done` first says so; rejects with what `told` has by then. */
export async function until(done: () => boolean, told: () => string = () => ''): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!done()) {
    if (Date.now() > end) throw new Error(`waited in vain: ${told()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
