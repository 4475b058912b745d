/**
 * Compares our verifier with jose's over generated tokens. jose accepts what we accept. Each further refusal has a
 * rule.
 */
import fc from 'fast-check';
import { joses, ours, POLICIES, type Policy } from './differential-judges.js';
import { recipes } from './differential-edits.js';
import { cook, PLAIN, type Recipe } from './differential-recipes.js';
import { RULES, rulesFor } from './differential-rules.js';

/** The number that `npm run fuzz` sets, otherwise 10,000. */
const TOKENS = Math.max(10_000, Number(process.env.FAST_CHECK_RUNS ?? 0));
/** A failure prints its seed and the smallest recipe. Set the seed here to repeat the same recipes. */
const { FAST_CHECK_SEED: seed } = process.env;

type Agreement = 'both accept' | 'both refuse' | 'we alone refuse';

async function compare(
  policy: Policy,
  token: string,
): Promise<{ agreement: Agreement; rules: readonly string[]; why: string }> {
  const [we, jose] = [await ours(policy, token), await joses(policy, token)];
  if (we.kind === 'accepted') {
    // Must never happen: a token that we accept and the oracle refuses.
    expect(jose).toEqual(we);
    return { agreement: 'both accept', rules: [], why: '' };
  }
  if (jose.kind === 'refused') return { agreement: 'both refuse', rules: [], why: we.why };
  const rules = rulesFor(token, policy, we.why);
  if (rules.length === 0) throw new Error(`refused only by us, as ${we.why}, and no rule explains it: ${token}`);
  return { agreement: 'we alone refuse', rules, why: we.why };
}

test('over thousands of tokens, each disagreement has a rule', async () => {
  const found = new Map<string, number>();
  const count = (what: string) => void found.set(what, (found.get(what) ?? 0) + 1);
  await fc.assert(
    fc.asyncProperty(fc.nat(POLICIES.length - 1), recipes, async (at, recipe) => {
      const policy = POLICIES[at] as Policy;
      const { agreement, rules } = await compare(policy, cook(recipe, policy));
      count('tokens');
      count(agreement);
      rules.forEach(count);
    }),
    { numRuns: TOKENS, ...(seed === undefined ? {} : { seed: Number(seed) }) },
  );
  if (process.env.SHOW_DIFFERENTIAL) console.log(Object.fromEntries(found));
  expect(found.get('tokens')).toBeGreaterThanOrEqual(10_000);
  // A generator without valid tokens would prove nothing.
  for (const each of ['both accept', 'both refuse', 'we alone refuse'])
    expect(found.get(each)).toBeGreaterThan(TOKENS / 50);
});

test.each(POLICIES)('twin: a plain token passes both under the policy $name', async (policy) => {
  for (let alg = 0; alg < policy.usual.length; alg++)
    expect(await compare(policy, cook({ ...PLAIN, alg }, policy))).toMatchObject({ agreement: 'both accept' });
});

const set = (name: string, value: string) => [{ kind: 'set', name, value } as const];

/** For each rule, a token that breaks only this rule and that jose accepts. */
const BREAKING: Readonly<Record<string, Partial<Recipe> & { readonly policy?: string }>> = {
  'the token is longer than 8 KiB': { claims: set('x', JSON.stringify('x'.repeat(6_200))) },
  'base64url in a second spelling': { spell: ['plain', 'padded', 'plain'] },
  'invalid UTF-8, or a byte order mark': { write: ['plain', 'a byte order mark'] },
  'a member twice': { claims: [{ kind: 'first', name: 'sub', value: '"root"' }] },
  'nested deeper than 32': { claims: set('x', '['.repeat(32) + ']'.repeat(32)) },
  'crit, b64, enc or zip': { header: set('b64', 'false') },
  'kid, typ or cty that is not a string': { header: set('kid', '7') },
  'a nested token': { header: set('cty', '"JWT"') },
  'a type that is not for access': { header: set('typ', '"logout+jwt"') },
  'claims of an ID token or of a security event': { claims: set('at_hash', '"x"') },
  'bound to a key': { claims: set('cnf', '{"jkt":"x"}') },
  'a time that is infinite': { claims: set('exp', '1e400') },
  'an aud with members that are not strings': { claims: set('aud', '["api",7]') },
  'a jti that is not a string': { claims: set('jti', '7') },
  'an iss that is not a string': { claims: set('iss', '7'), policy: 'any issuer and audience' },
  'no subject of 1 to 256 characters': { claims: set('sub', '7') },
  'issued in the future': { claims: set('iat', '1800000031') },
  'of exactly the greatest age': { claims: set('iat', String(1_800_000_000 - 3_630)), policy: 'an age' },
};

test.each(RULES.map(({ name }) => name))('only we refuse: %s', async (rule) => {
  const { policy: name = 'HS256', ...recipe } = BREAKING[rule] ?? {};
  const policy = POLICIES.find((each) => each.name === name) as Policy;
  const { agreement, rules } = await compare(policy, cook({ ...PLAIN, ...recipe }, policy));
  expect([agreement, rules]).toEqual(['we alone refuse', [rule]]);
});
