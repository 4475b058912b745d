/** The `rate_limit` block as a whole: keys and tiers that a client can choose, names given twice, what has no effect. */
import { parseBlock } from '../../lib/address.js';
import type { Context } from '../context.js';
import type { Plan, PlannedRateLimit } from '../plan-types.js';
import type { LimitKeyPart } from '../../limit/keys.js';
import type { Path } from '../report.js';

const BLOCK: Path = ['rate_limit'];

interface Checking {
  readonly limit: PlannedRateLimit;
  /** Headers that a method sets or that are its credential, in lower case. */
  readonly vouched: ReadonlySet<string>;
  readonly knowsClaims: boolean;
  readonly context: Context;
}

export function checkLimits(plan: Omit<Plan, 'warnings'>, context: Context): void {
  if (!plan.rateLimit) return;
  const places = plan.methods.flatMap((method) => method.places);
  const vouched = new Set([
    ...plan.identityHeaders.map((header) => header.toLowerCase()),
    ...places.map((place) => (place.in === 'header' ? place.name.toLowerCase() : '')),
  ]);
  const knowsClaims = plan.methods.some(({ claims }) => claims);
  const checking = { limit: plan.rateLimit, vouched, knowsClaims, context };
  checkKey(plan.rateLimit.key, [...BLOCK, 'key'], checking);
  checkTiers(checking);
  checkQuotas(checking);
  checkExemptions(checking);
  if (plan.rateLimit.distributed?.onStoreError === 'allow') {
    const message =
      'while Redis does not answer, no request is limited: an attacker who can overload Redis has no limit';
    context.report.warning({ path: [...BLOCK, 'on_store_error'], code: 'unlimited', message });
  }
  if (!context.has([...BLOCK, 'distributed']) && context.has([...BLOCK, 'on_store_error'])) {
    const message = 'means nothing without distributed: there is no shared store';
    context.report.error({ path: [...BLOCK, 'on_store_error'], code: 'no_effect', message });
  }
}

function checkKey(key: readonly LimitKeyPart[], path: Path, checking: Checking): void {
  const { vouched, context } = checking;
  for (const part of key) {
    if (part.kind === 'header' && !vouched.has(part.name.toLowerCase())) {
      const message = `the client chooses ${part.name}: no method sets it, so the address counts in its place`;
      context.report.warning({ path, code: 'client_chooses', message });
    }
    if (part.kind === 'claim') checkClaim(part.path, path, checking);
  }
}

function checkClaim(claim: string, path: Path, { knowsClaims, context }: Checking): void {
  if (knowsClaims) return;
  const message = `no method of the file knows the claim ${claim}: requests count by address`;
  context.report.warning({ path, code: 'never_set', message });
}

function checkTiers(checking: Checking): void {
  const { limit, vouched, knowsClaims, context } = checking;
  checkNames(limit.tiers, 'tiers', context);
  limit.tiers.forEach(({ match }, at) => {
    const path = [...BLOCK, 'tiers', at, 'match'];
    if (match.kind === 'header' && !vouched.has(match.name.toLowerCase())) {
      const message =
        `the client chooses ${match.name}: no method sets it, so every client can have this tier; ` +
        'it counts together with the address';
      context.report.warning({ path: [...path, 'header'], code: 'client_chooses', message });
    }
    if (match.kind === 'claim' && !knowsClaims) {
      const message = `no method of the file knows the claim ${match.path}: no caller has this tier`;
      context.report.warning({ path: [...path, 'claim'], code: 'never_set', message });
    }
  });
}

function checkQuotas(checking: Checking): void {
  const { limit, context } = checking;
  checkNames(limit.quotas, 'quotas', context);
  limit.quotas.forEach(({ key }, at) => {
    const path = [...BLOCK, 'quotas', at, 'key'];
    if (context.has(path)) checkKey(key, path, checking);
  });
}

function checkNames(items: readonly { readonly name: string }[], list: string, { report }: Context): void {
  const seen = new Set<string>();
  items.forEach(({ name }, at) => {
    const path = [...BLOCK, list, at, 'name'];
    if (seen.has(name)) report.error({ path, code: 'duplicate', message: 'another one has this name already' });
    seen.add(name);
  });
}

function checkExemptions({ limit, vouched, context }: Checking): void {
  const list = [...BLOCK, 'exemptions'];
  const early = limit.key.some(({ kind }) => kind === 'ip') && limit.tiers.length === 0;
  for (let at = 0; at < (context.length(list) ?? 0); at++) {
    const type = context.value([...list, at, 'type']);
    if (type === 'ip') checkAddresses([...list, at, 'values'], context);
    const name = context.value([...list, at, 'name']);
    if (type !== 'header' || typeof name !== 'string') continue;
    const path = [...list, at, 'name'];
    // A client that can choose the header would choose to be exempt.
    if (!vouched.has(name.toLowerCase())) {
      const message = `the client chooses ${name}: every client could be exempt`;
      context.report.error({ path, code: 'client_chooses', message });
    } else if (early) {
      const message =
        'a limit by address counts before any method sets a header: this header exempts no request from it';
      context.report.warning({ path, code: 'no_effect', message });
    }
  }
}

function checkAddresses(list: Path, context: Context): void {
  const { report } = context;
  for (let at = 0; at < (context.length(list) ?? 0); at++) {
    const text = context.value([...list, at]);
    const block = typeof text === 'string' ? parseBlock(text) : undefined;
    const path = [...list, at];
    if (!block) {
      report.error({
        path,
        code: 'wrong_value',
        message: 'must be an IP address or a CIDR block, such as "10.0.0.0/8"',
      });
    } else if (block.prefix === 0) {
      report.error({ path, code: 'wrong_value', message: 'exempts every address: that is no limit at all' });
    }
  }
}
