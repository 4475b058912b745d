/** The class of changes of each member of the global limit. */
import type { Leaf, Members } from '../lib/change-classes.js';
import { RATE, rateWords } from '../auth/rate-text.js';
import { pathOf } from '../config/opens.js';
import type { PlannedExemptions, PlannedQuota, PlannedRateLimit, PlannedTier } from '../config/plan-types.js';
import type { LimitKeyPart } from '../limit/keys.js';
import { redisOptionClasses } from '../redis/change-classes.js';

const LIMITS: Leaf = { in: 'limits' };
const ITEM = { by: 'the name of the item' };

export const LIMIT_CLASSES: Members<PlannedRateLimit> = {
  members: {
    rate: { ...RATE, as: 'rate' },
    key: { ...LIMITS, show: keyText },
    tiers: {
      in: 'limits',
      name: ({ name }: PlannedTier) => name,
      ordered: true,
      // The value of a header that selects a tier may be a secret.
      items: { members: { name: ITEM, match: { ...LIMITS, hide: 'secret' }, rate: { ...RATE, as: 'rate' } } },
    },
    quotas: {
      in: 'limits',
      name: ({ name }: PlannedQuota) => name,
      items: {
        members: { name: ITEM, key: { ...LIMITS, show: keyText }, rate: { ...LIMITS, as: 'limit', show: rateWords } },
      },
    },
    exemptions: {
      members: {
        addresses: { ...LIMITS, unordered: true, default: [] },
        paths: {
          ...LIMITS,
          unordered: true,
          show: (paths: PlannedExemptions['paths']) => paths.map(pathOf).join(', '),
          default: [],
        },
        headers: { ...LIMITS, hide: 'secret', default: [] },
      },
    },
    distributed: { members: { redis: redisOptionClasses('limits'), onStoreError: LIMITS } },
    response: LIMITS,
  },
};

function keyText(parts: readonly LimitKeyPart[]): string {
  const words = parts.map((part) => {
    if (part.kind === 'header') return `header:${part.name}`;
    return part.kind === 'claim' ? `claim:${part.path}` : part.kind;
  });
  return words.join(', ');
}
