/** The compiled rules of the `rate_limit` block: exemptions, tiers, and keys that need no identity. */
import type { PlannedRateLimit, PlannedTier } from '../config/plan-types.js';
import type { Pattern } from '../config/pattern.js';
import type { RequestContext } from '../context/request-context.js';
import { addressMatcher } from '../lib/address.js';
import type { LimitFacts, LimitKeyPart } from '../limit/keys.js';

export class LimitRules {
  readonly #exemptAddress: (address: string) => boolean;

  constructor(private readonly limit: PlannedRateLimit | undefined) {
    const blocks = limit?.exemptions.addresses ?? [];
    this.#exemptAddress = blocks.length === 0 ? () => false : addressMatcher(blocks);
  }

  /** Whether the client address or the path is exempt. */
  isExemptEarly({ address, target }: Pick<RequestContext, 'address' | 'target'>): boolean {
    if (this.#exemptAddress(address)) return true;
    const { paths = [] } = this.limit?.exemptions ?? {};
    const isExempt = (segments: readonly string[]): boolean => paths.some((pattern) => matches(pattern, segments));
    // An upstream that ends the path at `;` must not do the work of a path that is not exempt.
    return isExempt(target.segments) && target.readings.every(({ cut, segments }) => !cut || isExempt(segments));
  }

  /**
   * Whether a header exempts the request. An auth method must have set the header, or the header must be the granted
   * credential. A header that the client chooses never exempts a request.
   */
  isExempt(facts: () => LimitFacts): boolean {
    const { headers = [] } = this.limit?.exemptions ?? {};
    if (headers.length === 0) return false;
    const known = facts();
    return headers.some(({ name, value }) => known.header(name) === value && isVouched(known, name));
  }

  /** Returns the first tier that matches, and whether the client chose it. */
  tierOf(facts: () => LimitFacts): { readonly tier: PlannedTier; readonly chosen: boolean } | undefined {
    const { tiers = [] } = this.limit ?? {};
    if (tiers.length === 0) return undefined;
    const known = facts();
    const tier = tiers.find(({ match }) =>
      match.kind === 'header' ? known.header(match.name) === match.value : known.holds?.(match.path, match.value),
    );
    return tier && { tier, chosen: tier.match.kind === 'header' && !isVouched(known, tier.match.name) };
  }
}

const isVouched = (facts: LimitFacts, name: string): boolean => facts.vouched?.(name.toLowerCase()) === true;

/** Whether a key contains the client address and can be read before an auth method runs. */
export function isEarlyKey(key: readonly LimitKeyPart[]): boolean {
  return key.some(({ kind }) => kind === 'ip') && key.every(({ kind }) => kind === 'ip' || kind === 'path');
}

/**
 * Matches exactly as a route pattern does. A less strict match would exempt paths that the configuration does not name.
 */
function matches({ segments: pattern, rest }: Pattern, segments: readonly string[]): boolean {
  if (segments.length < pattern.length || (!rest && segments.length > pattern.length)) return false;
  return pattern.every((part, at) => part.kind === 'one' || part.text === segments[at]);
}
