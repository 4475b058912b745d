/** Waits for an answer until a deadline. */

/**
 * Rejects with `late()` at the deadline. An answer that arrived while this process was busy is read first and still
 * counts.
 */
export function within<T>(ms: number, answer: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => reject(late())), ms);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
