/** Long work in small steps: at once, or in slices between which the event loop serves requests. */

/** Work that yields after each small step. */
export type Steps<Result> = Generator<undefined, Result>;

/** The time of one slice. A step that takes longer makes its slice longer. */
const SLICE_MS = 4;

export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

export async function inSlices<Result>(steps: Steps<Result>): Promise<Result> {
  for (;;) {
    const end = performance.now() + SLICE_MS;
    do {
      const step = steps.next();
      if (step.done) return step.value;
    } while (performance.now() < end);
    await pause();
  }
}

/** Resolves after the events that wait now, such as requests. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
