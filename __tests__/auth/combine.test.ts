import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { all, any, attemptOf, open, optional, type Attempt, type Authenticator } from '../../src/auth/combine.js';
import type { Verdict } from '../../src/auth/verdict.js';
import type { NonEmpty } from '../../src/lib/types.js';
import { cases } from '../support/fast-check-runs.js';

const request = { rawHeaders: [], url: '/' } as unknown as IncomingMessage;

const challenge = (scheme: string) => ({ scheme, params: {} });
const verdicts: readonly Verdict[] = [
  { kind: 'granted', identities: [{ method: 'a', subject: 'alice', scopes: [], claims: {} }] },
  { kind: 'granted', identities: [{ method: 'b', subject: 'bob', scopes: [], claims: {} }] },
  { kind: 'absent', challenges: [challenge('Bearer')] },
  { kind: 'absent', challenges: [challenge('ApiKey')] },
  { kind: 'rejected', status: 401, reason: 'credential_invalid', challenges: [challenge('Basic')] },
  { kind: 'rejected', status: 403, reason: 'insufficient_scope', challenges: [] },
  { kind: 'rejected', status: 400, reason: 'credential_duplicate', challenges: [] },
  { kind: 'unavailable', reason: 'method_unavailable', cause: new Error('down') },
  { kind: 'answered', response: { status: 302, headers: [], body: Buffer.alloc(0) } },
];

interface Part {
  readonly verdict: Verdict;
  readonly later: boolean;
}
const part: fc.Arbitrary<Part> = fc.record({ verdict: fc.constantFrom(...verdicts), later: fc.boolean() });
const parts = fc.array(part, { minLength: 1, maxLength: 6 });

/** Authenticators over the given verdicts, and a record of which of them ran. */
function authenticators(given: readonly Part[]): { list: NonEmpty<Authenticator>; ran: number[] } {
  const ran: number[] = [];
  const list = given.map((each, index): Authenticator => () => {
    ran.push(index);
    return each.later ? Promise.resolve(each.verdict) : each.verdict;
  });
  return { list: list as unknown as NonEmpty<Authenticator>, ran };
}

const judge = async (authenticator: Authenticator, attempt: Attempt = attemptOf(request)) => authenticator(attempt);

describe('the algebra of verdicts', () => {
  it('any of one and all of one are that one', async () => {
    await fc.assert(
      fc.asyncProperty(part, async (one) => {
        const { list } = authenticators([one]);
        expect(await judge(any(list))).toBe(one.verdict);
        expect(await judge(all(list))).toBe(one.verdict);
      }),
      cases(100, { cost: 5 }),
    );
  });

  it('runs nothing after a grant in any, and lets the first grant win', async () => {
    await fc.assert(
      fc.asyncProperty(parts, async (given) => {
        const { list, ran } = authenticators(given);
        const verdict = await judge(any(list));
        const end = given.findIndex(
          ({ verdict: v }) =>
            v.kind === 'granted' || v.kind === 'answered' || (v.kind === 'rejected' && v.status === 400),
        );
        expect(ran).toEqual(given.slice(0, end < 0 ? given.length : end + 1).map((_, index) => index));
        if (end >= 0 && given.length > 1) expect(verdict).toBe(given[end]?.verdict);
      }),
      cases(100, { cost: 5 }),
    );
  });

  it('runs nothing after a denial in all, and keeps every identity in order', async () => {
    await fc.assert(
      fc.asyncProperty(parts, async (given) => {
        const { list, ran } = authenticators(given);
        const verdict = await judge(all(list));
        const end = given.findIndex(({ verdict: v }) => v.kind !== 'granted');
        expect(ran).toEqual(given.slice(0, end < 0 ? given.length : end + 1).map((_, index) => index));
        if (end >= 0) expect(verdict).toBe(given[end]?.verdict);
        else {
          const expected = given.flatMap(({ verdict: v }) => (v.kind === 'granted' ? v.identities : []));
          expect(verdict).toEqual({ kind: 'granted', identities: expected });
        }
      }),
      cases(100, { cost: 5 }),
    );
  });

  it('grants only where a part granted', async () => {
    await fc.assert(
      fc.asyncProperty(parts, async (given) => {
        const granting = given.some(({ verdict }) => verdict.kind === 'granted');
        const { list } = authenticators(given);
        const verdict = await judge(any(list));
        if (!granting) expect(verdict.kind).not.toBe('granted');
        const every = await judge(all(list));
        if (given.some(({ verdict: v }) => v.kind !== 'granted')) expect(every.kind).not.toBe('granted');
      }),
      cases(100, { cost: 5 }),
    );
  });

  it('ranks unavailable over rejected over absent in a failed any, with the challenges in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 2, maxLength: 6 }), async (given) => {
        const kinds = given.map(({ verdict }) => verdict.kind);
        fc.pre(!kinds.includes('granted') && !kinds.includes('answered'));
        fc.pre(!given.some(({ verdict: v }) => v.kind === 'rejected' && v.status === 400));
        const verdict = await judge(any(authenticators(given).list));
        const rank = (['unavailable', 'rejected', 'absent'] as const).find((kind) => kinds.includes(kind));
        expect(verdict.kind).toBe(rank);
        if (verdict.kind === 'absent') {
          const schemes = given.flatMap(({ verdict: v }) =>
            v.kind === 'absent' ? v.challenges.map((c) => c.scheme) : [],
          );
          expect(verdict.challenges.map((c) => c.scheme)).toEqual([...new Set(schemes)]);
        }
      }),
      cases(100, { cost: 5 }),
    );
  });

  it('never turns a throw into a denial or a fallback', async () => {
    const bug: Authenticator = () => {
      throw new TypeError('bug');
    };
    const rejects: Authenticator = () => Promise.reject(new TypeError('bug'));
    for (const broken of [bug, rejects]) {
      await expect(judge(any([broken, open]))).rejects.toThrow('bug');
      await expect(judge(all([open, broken]))).rejects.toThrow('bug');
      await expect(judge(optional(broken))).rejects.toThrow('bug');
    }
    await expect(judge(any([open, bug]))).resolves.toMatchObject({ kind: 'granted' });
  });

  it('grants without an identity if an optional credential is absent, and changes no other verdict', async () => {
    for (const verdict of verdicts) {
      const result = await judge(optional(() => verdict));
      if (verdict.kind === 'absent') expect(result).toEqual({ kind: 'granted', identities: [] });
      else expect(result).toBe(verdict);
    }
  });

  it('stops at the first rejection with on_invalid: stop, and goes on without it', async () => {
    const rejected = verdicts[4] as Verdict;
    const granted = verdicts[0] as Verdict;
    const list: NonEmpty<Authenticator> = [() => rejected, () => granted];
    expect(await judge(any(list, 'stop'))).toMatchObject({ kind: 'rejected', status: 401 });
    expect(await judge(any(list, 'continue'))).toBe(granted);
  });

  it('offers what one method rejected to no later one', async () => {
    const seen: ReadonlySet<string>[] = [];
    const first: Authenticator = () => ({
      kind: 'rejected',
      status: 401,
      reason: 'token_signature',
      challenges: [],
      credential: 't',
    });
    const second: Authenticator = ({ refused }) => {
      seen.push(refused);
      return { kind: 'absent', challenges: [] };
    };
    await judge(any([first, second]));
    expect(seen.map((each) => [...each])).toEqual([['t']]);
    await judge(any([second, first]));
    expect(seen[1]?.size).toBe(0);
  });
});

describe('credentials that were refused', () => {
  const refusing = (credential: string): Authenticator => {
    return () => ({ kind: 'rejected', status: 401, reason: 'credential_invalid', challenges: [], credential });
  };
  const doubting = (...credentials: string[]): Authenticator => {
    return () => ({ kind: 'unavailable', reason: 'method_unavailable', cause: new Error('down'), credentials });
  };
  /** The credentials that a method behind these is not offered. */
  async function refusedBehind(...parts: readonly Authenticator[]): Promise<string[]> {
    const seen: string[] = [];
    const last: Authenticator = ({ refused }) => {
      seen.push(...refused);
      return { kind: 'absent', challenges: [] };
    };
    await judge(any([...parts, last] as unknown as NonEmpty<Authenticator>));
    return seen.sort();
  }

  it.each<[string, readonly Authenticator[], string[]]>([
    ['of two methods that rejected', [refusing('a'), refusing('b')], ['a', 'b']],
    ['of four', [refusing('a'), doubting('b'), refusing('c'), doubting('d', 'e')], ['a', 'b', 'c', 'd', 'e']],
    ['of a list within the list', [any([refusing('a'), refusing('b')]), refusing('c')], ['a', 'b', 'c']],
    ['of an outage within it', [any([refusing('a'), doubting('b')])], ['a', 'b']],
    ['of an optional part', [optional(any([doubting('a'), refusing('b')]))], ['a', 'b']],
    ['of a demand for both', [all([open, doubting('a')])], ['a']],
  ])('are all remembered: %s', async (_what, parts, expected) => {
    expect(await refusedBehind(...parts)).toEqual(expected);
  });

  it('twin: none where none was sent', async () => {
    expect(await refusedBehind(() => ({ kind: 'absent', challenges: [] }))).toEqual([]);
  });
});

describe('the challenges of a failed any', () => {
  const fixed =
    (verdict: Verdict): Authenticator =>
    () =>
      verdict;
  const schemes = async (...given: readonly Verdict[]) => {
    const verdict = await judge(any(given.map(fixed) as unknown as NonEmpty<Authenticator>));
    return verdict.kind === 'rejected' || verdict.kind === 'absent'
      ? verdict.challenges.map(({ scheme }) => scheme)
      : [];
  };
  const absent = (scheme: string): Verdict => ({ kind: 'absent', challenges: [challenge(scheme)] });
  const rejected = (scheme: string, status: 401 | 403 = 401): Verdict => ({
    kind: 'rejected',
    status,
    reason: status === 401 ? 'credential_invalid' : 'insufficient_scope',
    challenges: [challenge(scheme)],
  });

  it('begin with the challenge of the credential that was judged', async () => {
    expect(await schemes(absent('ApiKey'), rejected('Bearer', 403))).toEqual(['Bearer', 'ApiKey']);
    expect(await schemes(absent('ApiKey'), absent('Basic'), rejected('Bearer'))).toEqual(['Bearer', 'ApiKey', 'Basic']);
    expect(await schemes(rejected('Basic'), absent('ApiKey'), rejected('Bearer'))).toEqual([
      'Basic',
      'ApiKey',
      'Bearer',
    ]);
  });

  it('keep the order of the file where no credential was sent', async () => {
    expect(await schemes(absent('ApiKey'), absent('Bearer'))).toEqual(['ApiKey', 'Bearer']);
  });
});
