/** The table of keys: every key of a block is found, with its name and its conditions, and nothing else is. */
import { hash } from 'node:crypto';
import fc from 'fast-check';
import {
  expanded,
  findKey,
  keyAt,
  keyTableOf,
  subjectsOf,
  type KeyedOptions,
} from '../../../../src/auth/methods/api-key/key-table.js';
import type { ConfiguredKey } from '../../../../src/auth/methods/api-key/options.js';
import { compileFile } from '../../../../src/config/index.js';
import { compacted } from '../../../../src/auth/methods-in-use.js';
import type { Plan } from '../../../../src/config/plan-types.js';
import { planDifference } from '../../../../src/difference/differences.js';
import { cases } from '../../../support/fast-check-runs.js';

const compactPlan = (plan: Plan): Plan => ({ ...plan, methods: plan.methods.map(compacted) });

const digest = (key: string): Buffer => hash('sha256', key, 'buffer');

const conditions = fc.record(
  {
    expires: fc.integer({ min: 0 }),
    allowed_ips: fc.constant(['10.0.0.0/8']),
    rate_limit: fc.constant({ units: 1, perMs: 1_000, burst: 2 } as unknown as NonNullable<
      ConfiguredKey['rate_limit']
    >),
  },
  { requiredKeys: [] },
);
const name = fc.option(fc.string({ minLength: 1, unit: 'grapheme' }), { nil: undefined });
const entry = fc.record({ text: fc.stringMatching(/^[!-~]{1,40}$/), hashed: fc.boolean(), name, conditions });
const entries = fc.uniqueArray(entry, { selector: ({ text }) => text, maxLength: 60 });

const configured = (given: Entry): ConfiguredKey => ({
  ...(given.hashed ? { key_hash: `sha256:${hash('sha256', given.text)}` } : { key: given.text }),
  ...(given.name === undefined ? {} : { name: given.name }),
  ...given.conditions,
});

interface Entry {
  readonly text: string;
  readonly hashed: boolean;
  readonly name: string | undefined;
  readonly conditions: object;
}

test('every key is found under its own digest, after a way through a message as well', () => {
  fc.assert(
    fc.property(entries, fc.string(), (given, other) => {
      const table = keyTableOf(given.map(configured));
      const travelled = structuredClone(table);
      expect(travelled).toEqual(table);
      for (const [number, each] of given.entries()) {
        expect(findKey(travelled, digest(each.text))).toBe(number);
        const own = each.name === undefined ? {} : { name: each.name };
        expect(keyAt(travelled, number)).toEqual({ digest: digest(each.text), ...own, ...each.conditions });
      }
      const known = given.findIndex(({ text }) => text === other);
      expect(findKey(table, digest(other))).toBe(known < 0 ? undefined : known);
      const subjects = given.map(({ text, name: own }) => own ?? `key-${hash('sha256', text).slice(0, 12)}`);
      expect([...subjectsOf(table)]).toEqual([...new Set(subjects)]);
    }),
    cases(200),
  );
});

test('a digest that differs in one byte is no key, wherever the byte is', () => {
  const table = keyTableOf([{ key: 'one' }, { key: 'two' }]);
  for (let at = 0; at < 32; at += 1) {
    const near = digest('one');
    near.writeUInt8(near.readUInt8(at) ^ 1, at);
    expect(findKey(table, near)).toBeUndefined();
  }
  expect(findKey(table, digest('one'))).toBe(0);
});

test('a list without keys finds nothing', () => {
  expect(findKey(keyTableOf([]), digest('one'))).toBeUndefined();
});

test('keys whose digests begin alike take slots beside each other', () => {
  // Thousands of keys share slots by chance.
  const keys = Array.from({ length: 5_000 }, (_each, at) => `key-${at}`);
  const table = keyTableOf(keys.map((key) => ({ key, name: key })));
  expect(keys.map((key) => findKey(table, digest(key)))).toEqual(keys.map((_key, at) => at));
});

test('a comparison of plans sees the keys of a table, each by its hash', () => {
  const before = compileFile({ text: blockOf('one-key-of-many'), file: 'loom.yaml' }, { mode: 'middleware' }).plan;
  const after = compileFile({ text: blockOf('another-key-here'), file: 'loom.yaml' }, { mode: 'middleware' }).plan;
  const differences = (old: Plan, next: Plan): unknown =>
    planDifference({ plan: old, standalone: false }, { plan: next, standalone: false }).differences;
  expect(differences(before, compactPlan(before))).toEqual([]);
  expect(differences(compactPlan(before), compactPlan(after))).toEqual(differences(before, after));
  expect(differences(before, after)).not.toEqual([]);
  const keys = [{ key_hash: `sha256:${hash('sha256', 'one')}`, name: 'first' }];
  expect(expanded({ keys: keyTableOf(keys) } as unknown as KeyedOptions).keys).toEqual(keys);
});

const blockOf = (key: string): string =>
  `middleware: { auth: { api_key: { keys: [{ key: ${key}, name: first }, { key: the-same-key, rate_limit: 5 }] } } }`;
