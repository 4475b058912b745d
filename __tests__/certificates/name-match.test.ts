import { isAltNameOrPattern, isSameName, matchesAltName, readName } from '../../src/certificates/name-match.js';

describe('a pattern of alternative names', () => {
  const SPIFFE = 'URI:spiffe://td.example/ns/prod/*';

  test.each([
    ['DNS:*.example.com', 'DNS:a.example.com'],
    ['DNS:*.example.com', 'DNS:*.example.com'],
    ['DNS:*.internal', 'DNS:billing.internal'],
    [SPIFFE, 'URI:spiffe://td.example/ns/prod/sa'],
    [SPIFFE, 'URI:spiffe://td.example/ns/prod/sa/web'],
    ['URI:spiffe://td.example/*', 'URI:spiffe://td.example/x'],
    ['URI:https://svc.example/team-a/*', 'URI:https://svc.example/team-a/..x'],
  ])('%s matches %s', (wanted, name) => {
    expect(isAltNameOrPattern(wanted)).toBe(true);
    expect(matchesAltName(wanted, name)).toBe(true);
  });

  test.each([
    ['DNS:*.example.com', 'DNS:example.com'],
    ['DNS:*.example.com', 'DNS:.example.com'],
    ['DNS:*.example.com', 'DNS:a.b.example.com'],
    ['DNS:*.example.com', 'DNS:evilexample.com'],
    ['DNS:*.example.com', 'DNS:a.example.com.evil.org'],
    ['DNS:*.example.com', 'URI:a.example.com'],
    ['DNS:*.example.com', 'email:a.example.com'],
    [SPIFFE, 'URI:spiffe://td.example/ns/prod/'],
    [SPIFFE, 'URI:spiffe://td.example/ns/prod'],
    [SPIFFE, 'URI:spiffe://td.example/ns/production/sa'],
    [SPIFFE, 'URI:spiffe://td.example/ns/prod/../dev/sa'],
    [SPIFFE, 'URI:spiffe://td.example/ns/prod/./sa'],
    [SPIFFE, 'URI:spiffe://td.example/ns/prod//sa'],
    [SPIFFE, 'URI:spiffe://td.example/ns/prod/%2e%2e/dev'],
    [SPIFFE, 'URI:spiffe://td.example/ns/prod/sa?x'],
    [SPIFFE, 'URI:spiffe://td.example/ns/prod/sa#x'],
    [SPIFFE, 'URI:spiffe://td.example/ns/prod/sa\\..\\dev'],
    [SPIFFE, 'URI:spiffe://td.example.evil/ns/prod/sa'],
    [SPIFFE, 'URI:SPIFFE://td.example/ns/prod/sa'],
    [SPIFFE, 'DNS:spiffe://td.example/ns/prod/sa'],
    ['DNS:a.example.com', 'DNS:b.example.com'],
  ])('%s does not match %s', (wanted, name) => {
    expect(matchesAltName(wanted, name)).toBe(false);
  });

  test.each([
    'DNS:*',
    'DNS:*.',
    'DNS:a*.example.com',
    'DNS:*.*.example.com',
    'DNS:a.*.example.com',
    'URI:*',
    'URI:spiffe://*',
    'URI:spiffe://*/ns/*',
    'URI:spiffe://td.example/ns*',
    'URI:spiffe://td.example/*/sa',
    'URI:spiffe:///*',
    'URI:spiffe://td.example/a?b/*',
    'URI:spiffe://td.example//*',
    'email:*@example.com',
    'IP:*',
  ])('%s matches no certificate and is an error', (wanted) => {
    expect(isAltNameOrPattern(wanted)).toBe(false);
  });
});

describe('a subject', () => {
  const isSame = (left: string, right: string): boolean => {
    const [a, b] = [readName(left), readName(right)];
    return a !== undefined && b !== undefined && isSameName(a, b);
  };

  test.each([
    ['CN=svc,O=Example', 'CN=svc,O=Example'],
    ['CN=svc,O=Example', 'O=Example,CN=svc'],
    ['CN=svc,OU=a,OU=b,O=Example', 'O=Example,OU=b,OU=a,CN=svc'],
    ['cn=svc,o=Example', 'CN=svc,O=Example'],
    ['CN=svc+UID=1,O=x', 'O=x,UID=1+CN=svc'],
    ['CN=a\\,b', 'CN=a\\2Cb'],
    ['CN=日本', 'CN=\\E6\\97\\A5\\E6\\9C\\AC'],
    ['CN=a\\ ', 'CN=a\\20'],
    ['1.2.3=#0c0161', '1.2.3=#0C0161'],
    ['E=a@x.example,S=Bern', 'emailAddress=a@x.example,ST=Bern'],
  ])('%s is %s', (left, right) => expect(isSame(left, right)).toBe(true));

  test.each([
    ['CN=svc,O=Example', 'CN=svc'],
    ['CN=svc,O=Example', 'CN=svc,O=example'],
    ['CN=svc,OU=a,O=x', 'OU=a,CN=svc,O=x'],
    ['CN=svc,O=Example', 'CN=svc\\,O=Example'],
    ['CN=svc+O=Example', 'CN=svc,O=Example'],
    ['CN=a\\,O=b', 'CN=a,O=b'],
    ['CN=#0C0161', 'CN=\\#0C0161'],
    ['CN=svc,CN=svc,O=x', 'CN=svc,O=x,O=x'],
  ])('%s is not %s', (left, right) => {
    expect(isSame(left, right)).toBe(false);
    expect(isSame(left, left)).toBe(true);
  });

  test.each([
    'CN',
    'CN=',
    'CN=a,',
    ',CN=a',
    'XX=a',
    '2.5.4.3=svc',
    'CN=a;O=b',
    'CN=a<b',
    'CN= a',
    'CN=a ',
    'CN=a\\',
    'CN=a\\zb',
    '',
  ])('%j matches no certificate and is an error', (text) => expect(readName(text)).toBeUndefined());
});
