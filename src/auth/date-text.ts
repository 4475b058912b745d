/** A moment as text, for lists of changes. */

/** @param moment Milliseconds since the epoch. */
export function momentText(moment: number): string {
  return new Date(moment).toISOString().replace('.000Z', 'Z');
}
