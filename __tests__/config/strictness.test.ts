import fc from 'fast-check';
import type { Requirement } from '../../src/auth/requirement.js';
import { implies } from '../../src/config/checks/strictness.js';
import { cases } from '../support/fast-check-runs.js';

const NAMES = ['a', 'b', 'c'] as const;
/** A method is satisfied at all, and with its narrowing or without. */
type Caller = Readonly<Record<(typeof NAMES)[number], 'nothing' | 'plain' | 'narrow' | 'wrong'>>;

const method = fc
  .tuple(fc.constantFrom(...NAMES), fc.boolean())
  .map(([name, narrowed]): Requirement => ({ kind: 'method', name, ...(narrowed && { narrow: { x: [1] } }) }));

const { requirement } = fc.letrec<{ requirement: Requirement; part: Requirement }>((tie) => ({
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    method,
    fc.array(tie('part'), { minLength: 1, maxLength: 3 }).map((of) => ({ kind: 'any', of }) as unknown as Requirement),
    fc.array(tie('part'), { minLength: 1, maxLength: 3 }).map((of) => ({ kind: 'all', of }) as unknown as Requirement),
  ),
  requirement: fc.oneof(
    fc.constant<Requirement>({ kind: 'open' }),
    tie('part'),
    tie('part').map((of): Requirement => ({ kind: 'optional', of })),
  ),
}));

const caller = fc.record(
  Object.fromEntries(NAMES.map((name) => [name, fc.constantFrom('nothing', 'plain', 'narrow', 'wrong')])),
) as fc.Arbitrary<Caller>;

function admits(asked: Requirement, who: Caller): boolean {
  switch (asked.kind) {
    case 'open':
      return true;
    case 'method': {
      const state = who[asked.name as keyof Caller];
      return state === 'narrow' || (state === 'plain' && asked.narrow === undefined);
    }
    case 'optional':
      return Object.values(who).every((state) => state === 'nothing') || admits(asked.of, who);
    case 'any':
      return asked.of.some((part) => admits(part, who));
    case 'all':
      return asked.of.every((part) => admits(part, who));
  }
}

it('is never reported for a requirement that admits a caller whom the other requirement rejects', () => {
  fc.assert(
    fc.property(requirement, requirement, caller, (a, b, who) => {
      fc.pre(implies(a, b) && admits(a, who));
      expect(admits(b, who)).toBe(true);
    }),
    cases(2_000, { cost: 5 }),
  );
});

it('is said of a requirement and itself, and of any and open', () => {
  fc.assert(
    fc.property(requirement, (a) => implies(a, a) && implies(a, { kind: 'open' })),
    cases(100, { cost: 5 }),
  );
});

const jwt: Requirement = { kind: 'method', name: 'jwt' };
const key: Requirement = { kind: 'method', name: 'api_key' };

it.each<readonly [string, Requirement, Requirement]>([
  ['one of several', jwt, { kind: 'any', of: [key, jwt] }],
  ['all of several', { kind: 'all', of: [jwt, key] }, jwt],
  ['a narrowed one', { ...jwt, narrow: { audience: ['a'] } }, jwt],
  ['a required one', jwt, { kind: 'optional', of: jwt }],
])('is said of %s, and not the other way round', (_what, stricter, weaker) => {
  expect(implies(stricter, weaker)).toBe(true);
  expect(implies(weaker, stricter)).toBe(false);
});
