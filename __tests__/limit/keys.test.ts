import { bucketKey, limitKey, type LimitFacts, type LimitKeyPart } from '../../src/limit/keys.js';

const facts = (change: Partial<LimitFacts> = {}): LimitFacts => ({
  address: '192.0.2.1',
  path: '/a/*',
  header: () => undefined,
  claim: () => undefined,
  ...change,
});
const alice = { method: 'jwt', issuer: 'https://a.example', subject: 'alice' };
const IDENTITY: LimitKeyPart[] = [{ kind: 'identity' }];

test('one subject of two issuers, methods or none draws from buckets of its own', () => {
  const identities = [
    alice,
    { ...alice, issuer: 'https://b.example' },
    { ...alice, method: 'oauth' },
    { method: 'jwt', subject: 'alice' },
    { method: 'jwt', issuer: 'https://a.examplea', subject: 'lice' },
    undefined,
  ];
  expect(new Set(identities.map((identity) => limitKey(IDENTITY, facts({ identity })))).size).toBe(identities.length);
});

test('what has no value falls back to the address', () => {
  const parts: LimitKeyPart[] = [{ kind: 'identity' }, { kind: 'header', name: 'X-A' }, { kind: 'claim', path: 'sub' }];
  for (const part of parts) {
    expect(limitKey([part], facts())).toBe(limitKey([{ kind: 'ip' }], facts()));
    expect(limitKey([part], facts())).not.toBe(limitKey([part], facts({ address: '192.0.2.2' })));
  }
});

test('a path is joined with the caller, a header of the client with the address', () => {
  const path: LimitKeyPart[] = [{ kind: 'path' }];
  expect(limitKey(path, facts())).not.toBe(limitKey(path, facts({ address: '192.0.2.2' })));
  expect(limitKey(path, facts({ identity: alice }))).toBe(
    limitKey(path, facts({ identity: alice, address: '192.0.2.2' })),
  );
  const header: LimitKeyPart[] = [{ kind: 'header', name: 'X-User-ID' }];
  const sent = { header: () => 'u1', identity: alice };
  expect(limitKey(header, facts(sent))).not.toBe(limitKey(header, facts({ ...sent, address: '192.0.2.2' })));
  const vouched = { ...sent, vouched: () => true };
  expect(limitKey(header, facts(vouched))).toBe(limitKey(header, facts({ ...vouched, address: '192.0.2.2' })));
});

test('a claim counts with its issuer, a header with its name and value, and no text forges another key', () => {
  const keyOf = (part: LimitKeyPart, change: Partial<LimitFacts>) => limitKey([part], facts(change));
  const claim: LimitKeyPart = { kind: 'claim', path: 'org' };
  const claimed = (identity: LimitFacts['identity'], value: string) => keyOf(claim, { identity, claim: () => value });
  const keys = [
    claimed(alice, 'acme'),
    claimed({ ...alice, issuer: 'https://b.example' }, 'acme'),
    claimed(undefined, 'acme'),
    claimed(alice, 'acme2'),
    claimed(alice, 'a:b*{}\r\nFLUSHALL'),
    keyOf({ kind: 'claim', path: 'or' }, { identity: alice, claim: () => 'gacme' }),
    keyOf({ kind: 'header', name: 'X-Org' }, { identity: alice, header: () => 'acme', vouched: () => true }),
    keyOf({ kind: 'ip' }, {}),
    keyOf({ kind: 'ip' }, { address: 'no address' }),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  expect(claimed({ ...alice, subject: 'bob' }, 'acme')).toBe(keys[0]);
  expect(claimed(alice, '')).toBe(keyOf({ kind: 'ip' }, { identity: alice }));
  const org = (change: Partial<LimitFacts>) => keyOf({ kind: 'header', name: 'x-org' }, { identity: alice, ...change });
  expect(org({ header: () => 'acme', vouched: () => true })).toBe(keys[6]);
  // What the client chose names no bucket, or a new value in each request would have no limit.
  expect(org({ header: () => 'acme' })).toBe(keyOf({ kind: 'ip' }, {}));
  expect(org({ header: () => 'other' })).toBe(keyOf({ kind: 'ip' }, {}));
});

test('no part at all is the caller', () => {
  expect(limitKey([], facts({ identity: alice }))).toBe(limitKey(IDENTITY, facts({ identity: alice })));
  expect(limitKey([], facts())).toBe(limitKey([{ kind: 'ip' }], facts()));
});

test('no list of parts makes the key of another, and a long one takes no room', () => {
  const lists = [['ab', 'c'], ['a', 'bc'], ['abc'], ['2:ab1:c'], ['a', ''], ['', 'a'], ['a'], [], ['x'.repeat(1e6)]];
  const keys = lists.map(bucketKey);
  expect(new Set(keys).size).toBe(lists.length);
  for (const key of keys) expect(key.length).toBeLessThanOrEqual(128);
  expect(bucketKey(['x'.repeat(1e6)])).not.toBe(bucketKey(['x'.repeat(1e6 + 1)]));
});
