/**
 * Measures how the CPU time of a function grows with its input. It is a ratio of two times on one machine, so no time
 * limit is needed. Waiting for a busy machine costs no CPU time.
 */

/** Eight times the input: 8 for linear work, 64 for quadratic work. */
const FACTOR = 8;
const MOST = 28;
const ATTEMPTS = 6;

/** The shortest of a few runs, in milliseconds. Each run repeats the work until the clock can measure it. */
export function shortest(run: () => void, least = 0.5): number {
  let repeats = 1;
  let best = batch(run, repeats);
  while (best < least && repeats < 100_000) {
    repeats *= 2;
    best = batch(run, repeats);
  }
  for (let at = 0; at < 2; at++) best = Math.min(best, batch(run, repeats));
  return best / repeats;
}

function batch(run: () => void, repeats: number): number {
  const start = process.cpuUsage();
  for (let at = 0; at < repeats; at++) run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}

/**
 * Whether the time grows linearly. A busy machine makes single runs longer, so the check is repeated. Quadratic work
 * fails each time.
 */
export function growsInProportion<T>(make: (length: number) => T, run: (input: T) => void, length = 2_000): boolean {
  const [small, large] = [make(length), make(FACTOR * length)];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (shortest(() => run(large)) < MOST * shortest(() => run(small))) return true;
  }
  return false;
}
