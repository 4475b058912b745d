import { RemoteKeySet, type KeySetOptions } from '../../src/tokens/key-set.js';
import { keyFromJwk, type VerificationKey } from '../../src/tokens/verification-key.js';
import { signingKey } from './signing.js';

const key = (kid?: string): VerificationKey => keyFromJwk({ ...signingKey('ES256').jwk, ...(kid ? { kid } : {}) });
const first = key('first');
const second = key('second');

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** A key set over an issuer that answers as configured and counts its requests. */
function keySet(given: Partial<KeySetOptions> = {}) {
  const issuer = { answer: (): Promise<readonly VerificationKey[]> => Promise.resolve([first]), loads: 0 };
  const faults: string[] = [];
  const set = new RemoteKeySet({
    load: () => ((issuer.loads += 1), issuer.answer()),
    now: () => Date.now(),
    maxAgeMs: 600_000,
    staleIfErrorMs: 3_600_000,
    report: (fault) => void faults.push(fault.message),
    ...given,
  });
  open.push(set);
  const ask = async (kid?: string) => {
    const answer = await set.find({ kid, alg: 'ES256' });
    return answer.kind === 'keys' ? answer.keys.map((each) => each.kid) : answer.kind;
  };
  return { set, issuer, faults, ask };
}
const open: RemoteKeySet[] = [];
afterEach(() => open.splice(0).forEach((each) => each.close()));

const down = () => Promise.reject<readonly VerificationKey[]>(new Error('down'));
const seconds = (count: number) => jest.advanceTimersByTimeAsync(count * 1_000);

test('requests during the first load wait for that one load', async () => {
  const { issuer, ask } = keySet();
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => ask('first')));
  expect(new Set(answers.flat())).toEqual(new Set(['first']));
  expect(issuer.loads).toBe(1);
});

test('a loaded set answers synchronously', async () => {
  const { set } = keySet();
  await set.ready;
  expect(set.find({ kid: 'first', alg: 'ES256' })).toEqual({ kind: 'keys', keys: [first], named: true });
  expect(set.holds(first.thumbprint)).toBe(true);
  expect(set.holds(second.thumbprint)).toBe(false);
});

test('no request waits longer than five seconds, and the load goes on', async () => {
  let arrive: (keys: readonly VerificationKey[]) => void = () => undefined;
  const { ask } = keySet({ load: () => new Promise((resolve) => (arrive = resolve)) });
  const answer = ask('first');
  // An answer that arrives at the deadline is read first.
  await seconds(5.001);
  expect(await answer).toBe('unavailable');
  arrive([first]);
  await seconds(0);
  expect(await ask('first')).toEqual(['first']);
});

test('a first load that fails is retried by a timer with growing delays, and never by requests', async () => {
  let loads = 0;
  const { set, faults, ask } = keySet({ load: () => ((loads += 1), down()) });
  await set.ready;
  for (let i = 0; i < 100; i++) expect(await ask('first')).toBe('unavailable');
  expect(loads).toBe(1);
  const after: number[] = [];
  for (const wait of [1, 2, 4, 8, 16, 29, 1, 30]) {
    await seconds(wait);
    after.push(loads);
  }
  expect(after).toEqual([2, 3, 4, 5, 6, 6, 7, 8]);
  expect(faults).toEqual(new Array(8).fill('down'));
});

test('a load that succeeds ends the outage', async () => {
  const state = { up: false };
  const { set, ask } = keySet({ load: () => (state.up ? Promise.resolve([first]) : down()) });
  await set.ready;
  expect(await ask('first')).toBe('unavailable');
  state.up = true;
  await seconds(1);
  expect(await ask('first')).toEqual(['first']);
});

describe('a set that was loaded', () => {
  test('is reloaded before its age ends, without a request', async () => {
    const { set, issuer } = keySet();
    await set.ready;
    await seconds(479);
    expect(issuer.loads).toBe(1);
    await seconds(1);
    expect(issuer.loads).toBe(2);
  });

  test('loses a key that the issuer withdrew, and the results of that key', async () => {
    const { set, issuer, ask } = keySet();
    await set.ready;
    issuer.answer = () => Promise.resolve([second]);
    await seconds(480);
    expect(set.holds(first.thumbprint)).toBe(false);
    expect(await ask('second')).toEqual(['second']);
  });

  test('is used through an outage, and no longer than the file says', async () => {
    const { set, issuer, ask, faults } = keySet();
    await set.ready;
    issuer.answer = down;
    await seconds(4_100);
    expect(await ask('first')).toEqual(['first']);
    expect(set.holds(first.thumbprint)).toBe(true);
    await seconds(110);
    expect(await ask('first')).toBe('unavailable');
    expect(set.holds(first.thumbprint)).toBe(false);
    expect(faults).toContain('down');
    issuer.answer = () => Promise.resolve([first]);
    await seconds(30);
    expect(await ask('first')).toEqual(['first']);
  });

  test('is reloaded first if the machine slept past its age', async () => {
    let asleep = 0;
    const { set, issuer, ask } = keySet({ now: () => Date.now() + asleep });
    await set.ready;
    issuer.answer = () => Promise.resolve([second]);
    asleep = 7_200_000;
    expect(set.holds(first.thumbprint)).toBe(false);
    expect(await ask('second')).toEqual(['second']);
    expect(issuer.loads).toBe(2);
  });
});

test('a request near the end of the age brings the next load forward, and does not wait for it', async () => {
  let asleep = 0;
  const { set, issuer } = keySet({ now: () => Date.now() + asleep });
  await set.ready;
  asleep = 500_000;
  expect(set.find({ kid: 'first', alg: 'ES256' })).toEqual({ kind: 'keys', keys: [first], named: true });
  expect(set.find({ kid: 'first', alg: 'ES256' })).toEqual({ kind: 'keys', keys: [first], named: true });
  expect(issuer.loads).toBe(2);
});

test('a clock set back does not block loads', async () => {
  let back = 0;
  const { set, issuer, ask } = keySet({ now: () => Date.now() - back });
  await set.ready;
  await ask('made-up');
  back = 3_600_000;
  await ask('made-up');
  expect(issuer.loads).toBe(3);
});

describe('a kid that the set does not have', () => {
  test('causes one request to the issuer, for all tokens meanwhile', async () => {
    const { set, issuer, ask } = keySet();
    await set.ready;
    issuer.answer = () => Promise.resolve([first, second]);
    const made = Array.from({ length: 100 }, (_, i) => ask(`made-up-${i}`));
    expect(await ask('second')).toEqual(['second']);
    expect(new Set(await Promise.all(made))).toEqual(new Set(['unknown']));
    expect(issuer.loads).toBe(2);
  });

  test('is rejected for thirty seconds after that, and a known one never waits', async () => {
    const { set, issuer, ask } = keySet();
    await set.ready;
    await ask('made-up');
    issuer.answer = () => Promise.resolve([first, second]);
    await seconds(29);
    expect(await ask('second')).toBe('unknown');
    expect(set.find({ kid: 'first', alg: 'ES256' })).not.toBeInstanceOf(Promise);
    expect(issuer.loads).toBe(2);
    await seconds(1);
    expect(await ask('second')).toEqual(['second']);
    expect(issuer.loads).toBe(3);
  });

  test('is undecided while the issuer is down: the issuer’s next key may verify it', async () => {
    const { set, issuer, ask } = keySet();
    await set.ready;
    issuer.answer = down;
    expect(await ask('second')).toBe('unavailable');
    expect(await ask('second')).toBe('unavailable');
    expect(issuer.loads).toBe(2);
    expect(await ask('first')).toEqual(['first']);
  });
});

describe('choosing a key', () => {
  test('two different keys of one kid are both tried', async () => {
    const twins = keySet({ load: () => Promise.resolve([first, { ...second, kid: 'first' }]) });
    expect(await twins.ask('first')).toEqual(['first', 'first']);
    expect(await keySet().ask('first')).toEqual(['first']);
  });

  test('a key without a name is a candidate for any kid, after the keys with the name', async () => {
    const { set, issuer, ask } = keySet({ load: () => Promise.resolve([key(), first]) });
    await set.ready;
    expect(await ask('first')).toEqual(['first', undefined]);
    expect(await ask('other')).toEqual([undefined]);
    expect(set.find({ kid: 'other', alg: 'ES256' })).toMatchObject({ named: false });
    expect(issuer.loads).toBe(0);
  });

  test('a key of another issuer is no candidate', async () => {
    const ours = 'https://id.example/a/v2.0';
    const theirs = { ...first, issuer: 'https://id.example/b/v2.0' };
    const anyones = { ...second, kid: 'first', issuer: 'https://id.example/{tenantid}/v2.0' };
    const { set } = keySet({ load: () => Promise.resolve([theirs, anyones]) });
    await set.ready;
    const kids = (issuer?: string) => set.find({ kid: 'first', alg: 'ES256', issuer });
    expect(kids(ours)).toMatchObject({ keys: [anyones] });
    expect(kids(theirs.issuer)).toMatchObject({ keys: [theirs, anyones] });
    for (const other of [
      undefined,
      'https://id.example//v2.0',
      'https://id.example/a/b/v2.0',
      'https://evil.example/a/v2.0',
    ])
      expect(kids(other)).toMatchObject({ keys: [] });
    // A cached token does not outlive a change of the issuer of its key.
    expect(set.holds(first.thumbprint)).toBe(false);
  });

  test('a kid of a key of another kind causes no load', async () => {
    const { set, issuer } = keySet();
    await set.ready;
    expect(set.find({ kid: 'first', alg: 'RS256' })).toEqual({ kind: 'keys', keys: [], named: true });
    expect(issuer.loads).toBe(1);
  });

  test('without a kid the first four matching keys are tried', async () => {
    const many = Array.from({ length: 6 }, (_, i) => key(`k${i}`));
    const { ask } = keySet({ load: () => Promise.resolve(many) });
    expect(await ask()).toEqual(['k0', 'k1', 'k2', 'k3']);
  });

  test.each(['__proto__', 'constructor', '', '../../dev/null', 'a\u0000b', "x' UNION SELECT 'k"])(
    'the kid %j is only a name',
    async (kid) => {
      const { set, ask } = keySet();
      await set.ready;
      expect(await ask(kid)).toBe('unknown');
      expect(await ask('first')).toEqual(['first']);
    },
  );
});

test('each outage begins with the shortest wait', async () => {
  const { set, issuer } = keySet();
  await set.ready;
  issuer.answer = down;
  await seconds(480 + 1 + 2 + 4);
  expect(issuer.loads).toBe(5);
  issuer.answer = () => Promise.resolve([first]);
  await seconds(8);
  expect(issuer.loads).toBe(6);
  issuer.answer = down;
  await seconds(480 + 1);
  expect(issuer.loads).toBe(8);
});

test('a set closed while it loads stays closed', async () => {
  const { set, issuer } = keySet();
  set.close();
  await set.ready;
  await seconds(3_600);
  expect(issuer.loads).toBe(1);
});

test('a closed set loads no more', async () => {
  const { set, issuer } = keySet();
  await set.ready;
  set.close();
  await seconds(3_600);
  expect(issuer.loads).toBe(1);
});

describe('a token without a kid that no loaded key verifies', () => {
  const again = async (set: RemoteKeySet) => {
    const answer = await set.again({ alg: 'ES256' });
    return answer.kind === 'keys' ? answer.keys.map((each) => each.kid) : answer.kind;
  };

  test('causes a load, as rarely as an unknown kid and together with it', async () => {
    const { set, issuer, ask } = keySet();
    await set.ready;
    issuer.answer = () => Promise.resolve([first, second]);
    expect(await again(set)).toEqual(['first', 'second']);
    expect([await again(set), await ask('third'), issuer.loads]).toEqual(['unknown', 'unknown', 2]);
    await seconds(30);
    expect([await again(set), issuer.loads]).toEqual([['first', 'second'], 3]);
  });

  test('is undecided while the issuer cannot be reached: it may have signed with a new key', async () => {
    const { set, issuer, ask } = keySet();
    await set.ready;
    issuer.answer = down;
    expect([await again(set), await again(set), await ask('first')]).toEqual(['unavailable', 'unavailable', ['first']]);
    expect(issuer.loads).toBe(2);
  });
});

test('each load reports the number of its keys', async () => {
  const loaded: number[] = [];
  const { set, issuer } = keySet({ loaded: (keys) => void loaded.push(keys) });
  await set.ready;
  issuer.answer = () => Promise.resolve([first, second]);
  await seconds(480);
  issuer.answer = down;
  await seconds(480);
  expect(loaded).toEqual([1, 2]);
});

test('each failed load reports the number of keys that are still used', async () => {
  const left: number[] = [];
  const issuer = { load: down };
  const { set } = keySet({ load: () => issuer.load(), report: (_fault, keys) => void left.push(keys) });
  await set.ready;
  expect(left).toEqual([0]);
  issuer.load = () => Promise.resolve([first, second]);
  await seconds(2);
  issuer.load = down;
  await seconds(600);
  expect(left.at(-1)).toBe(2);
  await seconds(4_200);
  expect(left.at(-1)).toBe(0);
});
