/** The rules of the `rate_limit` block, compiled: who is exempt, which tier a caller has, which quotas count. */
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

  /** By where it comes from or where it goes. */
  isExemptEarly({ address, target: { segments } }: Pick<RequestContext, 'address' | 'target'>): boolean {
    if (this.#exemptAddress(address)) return true;
    const { paths = [] } = this.limit?.exemptions ?? {};
    return paths.some((pattern) => matches(pattern, segments));
  }

  /** By a header that a method has set, or that is the credential which granted: never by one of the client's choice. */
  isExempt(facts: () => LimitFacts): boolean {
    const { headers = [] } = this.limit?.exemptions ?? {};
    if (headers.length === 0) return false;
    const known = facts();
    return headers.some(({ name, value }) => known.header(name) === value && isVouched(known, name));
  }

  /** The first that matches, and whether the client chose it. */
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

/** Whether a key can be read before any method has run, and means the address. */
export function isEarlyKey(key: readonly LimitKeyPart[]): boolean {
  return key.some(({ kind }) => kind === 'ip') && key.every(({ kind }) => kind === 'ip' || kind === 'path');
}

/** Exactly as a route's: a laxer reading would exempt what the file does not name. */
function matches({ segments: pattern, rest }: Pattern, segments: readonly string[]): boolean {
  if (segments.length < pattern.length || (!rest && segments.length > pattern.length)) return false;
  return pattern.every((part, at) => part.kind === 'one' || part.text === segments[at]);
}
