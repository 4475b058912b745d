/**
 * Keys, certificates and revocation lists that have ended or end soon, each with a twin that does not.
 *
 * @needs openssl
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { CertificateOffice, type Pair } from '../../support/certificates.js';
import { linted, NOW, placesOf, toldBy } from './linting.js';

const DAY = 86_400_000;
const date = (days: number): string => new Date(NOW + days * DAY).toISOString();
const asn1 = (days: number): string => `${date(days).replace(/[-:T]/g, '').slice(0, 14)}Z`;

const withKey = (expires: string): string => `middleware:
  auth:
    api_key:
      keys:
        - key: sk_live_9f8e7d6c5b4a39281706
          name: alice
          expires: "${expires}"
    chain: [api_key]
`;

describe('a key', () => {
  const PLACE = '7 middleware.auth.api_key.keys[0].expires';

  test.each([[date(-1)], [date(0)], ['2026-06-01'], ['2020-01-01T00:00:00+02:00']])('that ended on %s', (expires) => {
    const found = linted(withKey(expires));
    expect(placesOf('expired', found)).toEqual([PLACE]);
    expect(found).toEqual([expect.objectContaining({ level: 'warning' })]);
  });

  test.each([
    [date(29.5), 'in 29 days'],
    [date(30), 'in 30 days'],
    [date(1.5), 'in 1 day'],
    [date(0.5), 'within a day'],
  ])('that ends on %s', (expires, when) => {
    const found = linted(withKey(expires));
    expect(toldBy('expires_soon', found)[0]).toContain(when);
    expect(found).toEqual([expect.objectContaining({ level: 'note' })]);
  });

  test('that ends later, or never, is not reported', () => {
    expect(linted(withKey(date(30.1)))).toEqual([]);
    expect(linted(withKey(date(1)).replace(/ +expires.*\n/, ''))).toEqual([]);
  });
});

describe('a certificate', () => {
  let office: CertificateOffice;
  const made: Record<string, Pair> = {};
  const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];

  beforeAll(async () => {
    office = await CertificateOffice.open();
    const lives = {
      old: [-90, -1],
      ending: [-60, 20],
      fresh: [-60, 200],
      short: [-1, 5],
      shortEnding: [-6, 1],
    } as const;
    const issuer = await office.issue('root', { subject: '/CN=root', extensions: CA });
    for (const [name, [from, until]] of Object.entries(lives)) {
      made[name] = await office.issue(name, {
        issuer,
        subject: `/CN=${name}`,
        extensions: CA,
        from: asn1(from),
        until: asn1(until),
      });
    }
  });
  afterAll(() => office.remove());

  const withAuthority = (name: string): string => `middleware:
  auth:
    jwt:
      issuer: https://id.example
      audience: api
      ca_file: ${name}
    chain: [jwt]
`;
  const file = (): string => office.path('loom.yaml');
  const told = (name: string) => {
    const found = linted(withAuthority(made[name]?.cert ?? name), { file: file() });
    return [...placesOf('expired', found), ...placesOf('expires_soon', found).map((each) => `soon ${each}`)];
  };

  test('of an authority file that has ended, or ends within 30 days, is reported at its option', () => {
    expect(told('ending')).toEqual(['soon 6 middleware.auth.jwt.ca_file']);
    expect(told('fresh')).toEqual([]);
    expect(told('old')).toEqual(['6 middleware.auth.jwt.ca_file']);
  });

  test('that lives for a week is reported in the last third of its life', () => {
    expect(told('short')).toEqual([]);
    expect(told('shortEnding')).toEqual(['soon 6 middleware.auth.jwt.ca_file']);
  });

  test('of a bundle is named by its number', () => {
    const pems = ['fresh', 'ending'].map((name) => readFileSync(made[name]?.cert ?? '', 'utf8'));
    writeFileSync(office.path('bundle.pem'), pems.join('\n'));
    const found = linted(withAuthority('bundle.pem'), { file: file() });
    expect(toldBy('expires_soon', found)).toEqual([expect.stringContaining('bundle.pem (block 2) expires on')]);
  });
});
