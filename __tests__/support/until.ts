/** Waits for data from a pipe or a socket, and gives up after a time. */

const PATIENCE_MS = 20_000;

/** Resolves when `done` returns true. Rejects with the text of `told`. */
export async function until(done: () => boolean, told: () => string = () => ''): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!done()) {
    if (Date.now() > end) throw new Error(`timed out: ${told()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
