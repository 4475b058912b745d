/** The entries of `opens` as the plan has them. */
import type { Blocks } from '../blocks.js';
import { readOpening } from '../opens.js';
import type { PlannedOpening } from '../plan-types.js';

export function planOpens({ opens }: Blocks): { readonly opens?: readonly PlannedOpening[] } {
  const read = opens.map(({ value }) => readOpening(value, () => true)).filter((each) => typeof each !== 'string');
  return read.length === 0 ? {} : { opens: read };
}
