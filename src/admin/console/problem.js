/** A failed question, as a notice in a view. */
// @ts-check
import { el } from './dom.js';

/** @param {unknown} error */
export function problemOf(error) {
  return el('p', { class: 'problem', role: 'alert' }, error instanceof Error ? error.message : String(error));
}
