/** The outcome of a comparison with the configuration in use, as plain data. */
import type { AccessChange } from '../routing/access-comparison.js';
import type { Difference } from './compare-trees.js';

/** `unknown_offer`: another process made the offer, or it is too old. */
export type ComparisonOutcome =
  | {
      readonly kind: 'compared';
      readonly changes: readonly AccessChange[];
      readonly differences: readonly Difference[];
    }
  | { readonly kind: 'unknown_offer' | 'wrong_plan' | 'too_many_routes' | 'too_many_guesses' };
