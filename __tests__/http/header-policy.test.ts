import {
  FAMILIES,
  familyOf,
  foldName,
  goesOn,
  isPerHop,
  maySet,
  TrustedHeaders,
} from '../../src/http/header-policy.js';

const none = new TrustedHeaders([]);
const CLIENT = { believed: false, trustedHeaders: none };
const PROXY = { believed: true, trustedHeaders: none };

describe('the table', () => {
  test('has each entry once, in the spelling that names are compared in', () => {
    const entries = FAMILIES.flatMap(({ names, prefixes }) => [...names, ...prefixes.map((each) => `${each}*`)]);
    expect(entries.filter((each, at) => entries.indexOf(each) !== at)).toEqual([]);
    expect(entries.filter((each) => foldName(each.replace('*', '')) !== each.replace('*', ''))).toEqual([]);
    expect(entries.length).toBeGreaterThan(200);
  });

  test('has no prefix that holds every name', () => {
    expect(FAMILIES.flatMap(({ prefixes }) => prefixes).filter((each) => each.length < 3)).toEqual([]);
  });

  test('has families that say which entry fits best', () => {
    expect(familyOf('X-Forwarded-For')?.family).toBe('client');
    expect(familyOf('x_forwarded.user')?.family).toBe('identity of another product');
    expect(familyOf('X-Forwarded-Client-Cert')?.family).toBe('certificate');
    expect(familyOf('X-SSL-Client-Cert')?.family).toBe('certificate');
    expect(familyOf('X-SSL-Client-S-DN')?.family).toBe('field of a certificate');
    expect(familyOf('X-AppEngine-User-Email')?.family).toBe('identity of another product');
    expect(familyOf('X-AppEngine-User-IP')?.family).toBe('client');
    expect(familyOf('Proxy-Authorization')?.family).toBe('proxy credential');
    expect(familyOf('$WSRU')?.family).toBe('identity of another product');
    expect(familyOf('__proto__')?.passage).toBe('never');
  });

  test('twin: a name that only resembles an entry has no family', () => {
    for (const name of ['X-User', 'X-User-ID', 'X-Custom', 'XForwardedUser', 'X-Forward', 'X-Real', 'Remote-Debugging'])
      expect([name, familyOf(name)]).toEqual([name, undefined]);
    for (const name of ['X-Auth-Token', 'X-Authentic', 'Urls', 'My-X-Forwarded-User', 'X-Request-ID', 'Traceparent'])
      expect([name, familyOf(name)]).toEqual([name, undefined]);
  });

  test('stays right when many made-up names have been asked for', () => {
    for (let at = 0; at < 3_000; at++) familyOf(`x-made-up-${at}`);
    expect(familyOf('x-forwarded-user')?.passage).toBe('where_named');
    expect(familyOf(`x-forwarded-${'u'.repeat(500)}`)?.passage).toBe('where_named');
  });
});

describe('trusted_headers', () => {
  const named = new TrustedHeaders(['X-Forwarded-User', 'X-Own']);
  const proxy = { believed: true, trustedHeaders: named };
  const client = { believed: false, trustedHeaders: named };

  test('let a header pass from a trusted proxy, in its own spelling', () => {
    expect(goesOn('x-forwarded-user', proxy)).toBe(true);
    expect(goesOn('x-own', proxy)).toBe(true);
  });

  test.each(['x-forwarded-user', 'x-own', 'x_own', 'x.forwarded-user'])('let %s pass from no client', (name) => {
    expect(goesOn(name, client)).toBe(false);
  });

  test.each(['x_forwarded_user', 'x-forwarded.user', 'x_own', 'x-forwarded-email'])(
    'let no other spelling or header pass from a proxy: %s',
    (name) => expect(goesOn(name, proxy)).toBe(false),
  );

  test('are needed: without them no identity of another product passes', () => {
    expect(goesOn('x-forwarded-user', PROXY)).toBe(false);
    expect(goesOn('x-own', CLIENT)).toBe(true);
  });
});

test('a header without a family may be set and goes on', () => {
  expect([maySet('X-User-ID', 'any'), maySet('X-User-ID', 'certificate'), isPerHop('X-User-ID')]).toEqual([
    true,
    true,
    false,
  ]);
  expect(goesOn('x_user.id', CLIENT)).toBe(true);
});
