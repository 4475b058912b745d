/** The issuer and its key decide the algorithm, never the token: none, public keys as secrets, other algorithms. */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { Algorithm } from '../../../src/tokens/algorithms.js';
import { closeGrounds } from '../../support/attack-ground.js';
import { CertificateOffice } from '../../support/certificates.js';
import { all, issuerOf, REFUSED, tokenGround, type Signed, type TokenGround } from '../../support/token-ground.js';
import { compact, encoded } from '../../tokens/raw-signing.js';
import { signingKey } from '../../tokens/signing.js';

let at: TokenGround;
beforeAll(async () => (at = await tokenGround()));
afterAll(closeGrounds);

const ISSUERS: readonly Signed[] = ['RS256', 'HS256', 'ES256', 'EdDSA'];

describe('JWT-01 the algorithm none', () => {
  const NAMES = [
    'none',
    'None',
    'NONE',
    'nOnE',
    'NonE',
    '',
    null,
    undefined,
    ['none'],
    ' none',
    'none ',
    'none\u0000',
    'non\u0435',
    '"none"',
    0,
    false,
    {},
    { alg: 'none' },
  ];

  test.each(ISSUERS)('is refused at the issuer of %s, with any signature', async (alg) => {
    const kept = at.honest(alg).split('.')[2] ?? '';
    const cases = NAMES.flatMap((name) =>
      ['', kept, 'garbage', 'AA', '0', kept.slice(0, -4)].map((signature) => {
        const token = `${encoded({ ...at.header(alg), alg: name })}.${encoded(at.claims(alg))}.${signature}`;
        return [`${JSON.stringify(name)} and ${signature.slice(0, 8)}`, token] as const;
      }),
    );
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('a header without the payload’s signature is refused by the other methods too', async () => {
    const right = at.signed('HS256', { alg: 'none' }, at.claims('HS256'));
    expect(await at.outcome(`Bearer ${right}`)).toBe(REFUSED);
  });

  test.each(ISSUERS)('twin: the algorithm of the issuer of %s, signed', async (alg) => {
    expect(await at.outcome(`Bearer ${at.honest(alg)}`)).toBe('200 ada');
  });
});

async function certificateOf(key: KeyObject): Promise<string> {
  const office = await CertificateOffice.open();
  const file = office.path('key.pem');
  await writeFile(file, key.export({ format: 'pem', type: 'pkcs8' }));
  const subject = ['-subj', '/CN=issuer', '-config', office.path('openssl.cnf')];
  const text = await office.openssl('req', '-new', '-x509', '-key', file, ...subject);
  await office.remove();
  return text;
}

/** Every encoding in which a public key was used as a secret. */
async function publicForms(alg: 'RS256' | 'ES256'): Promise<readonly (readonly [string, string | Buffer])[]> {
  const { pem, publicKey, jwk } = at.publicKey(alg);
  const certificate = await certificateOf(at.publicKey(alg).privateKey);
  const kid = 'of-the-page';
  const set = { keys: [{ ...jwk, kid, use: 'sig', alg }] };
  return [
    ['PEM', pem],
    ['PEM, trimmed', pem.trim()],
    ['PEM and an extra line', `${pem}\n`],
    ['PEM with CRLF', pem.replaceAll('\n', '\r\n')],
    ['PEM in one line', pem.replaceAll('\n', '')],
    ['PEM after white space', `\n ${pem}`],
    ['PEM after a byte order mark', `\ufeff${pem}`],
    ['PEM after a comment', `# comment\n${pem}`],
    ['PEM’s base64 alone', pem.replace(/-----[^-]+-----|\n/g, '')],
    ['DER', publicKey.export({ format: 'der', type: 'spki' })],
    ...(alg === 'RS256'
      ? ([
          ['PKCS #1', publicKey.export({ format: 'pem', type: 'pkcs1' })],
          ['PKCS #1 in DER', publicKey.export({ format: 'der', type: 'pkcs1' })],
        ] as const)
      : []),
    ['a certificate', certificate],
    ['n or x, encoded', String(jwk.n ?? jwk.x)],
    ['n or x decoded', Buffer.from(String(jwk.n ?? jwk.x), 'base64url')],
    ['a JWK', JSON.stringify(jwk)],
    ['a JWK, indented', JSON.stringify(jwk, null, 2)],
    ['a key of the set', JSON.stringify(set.keys[0])],
    ['the set', JSON.stringify(set)],
    ['the keys of the set', JSON.stringify(set.keys)],
    ['the kid', kid],
    ['nothing', ''],
    ['null', 'null'],
    ['undefined', 'undefined'],
    ['[object Object]', '[object Object]'],
  ];
}

describe('JWT-02 a public key as a secret', () => {
  test.each(['RS256', 'ES256'] as const)('no form of the key of %s signs with HMAC', async (alg) => {
    const cases = (await publicForms(alg)).flatMap(([what, secret]) =>
      (['HS256', 'HS384', 'HS512'] as const).map((hmac) => {
        const input = `${encoded({ ...at.header(alg), alg: hmac })}.${encoded(at.claims(alg))}`;
        const digest = `sha${hmac.slice(2)}`;
        return [
          `${what}, ${hmac}`,
          `${input}.${createHmac(digest, secret).update(input).digest('base64url')}`,
        ] as const;
      }),
    );
    expect(cases.length).toBeGreaterThanOrEqual(50);
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('the shared secret signs for no issuer with a public key, and their keys do not sign for the issuer with the secret', async () => {
    const secret = createSecretKey(at.signer('HS256').export());
    const cases = (['RS256', 'ES256', 'EdDSA'] as const).flatMap((alg): [string, string][] => [
      [
        `secret for ${alg}`,
        compact({ ...at.header(alg), alg: 'HS256' }, at.claims(alg), { alg: 'HS256', key: secret }),
      ],
      [`${alg} for the secret`, compact(at.header(alg), at.claims('HS256'), { alg, key: at.signer(alg) })],
    ]);
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('twin: the secret signs for its issuer, the keys for theirs', async () => {
    for (const alg of ['HS256', 'RS256', 'ES256'] as const)
      expect(await at.outcome(`Bearer ${at.honest(alg)}`)).toBe('200 ada');
  });
});

describe('JWT-03 the algorithm belongs to the key', () => {
  const sign = (alg: Algorithm, key: KeyObject, issuer: Signed): string =>
    compact({ ...at.header(issuer), alg }, at.claims(issuer), { alg, key });

  test('another algorithm of the same RSA key is refused if the key set names one', async () => {
    const cases = (['RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const).map(
      (alg) => [alg, sign(alg, at.signer('RS256'), 'RS256')] as const,
    );
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('an algorithm of another kind of key is refused at each issuer, even signed with a key of that kind', async () => {
    const keys = (['RS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const).map(
      (alg) => [alg, signingKey(alg).privateKey] as const,
    );
    const cases = ISSUERS.flatMap((issuer) =>
      keys
        .filter(([alg]) => alg !== issuer)
        .map(([alg, key]) => [`${alg} at ${issuer}`, sign(alg, key, issuer)] as const),
    );
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('a header that names another algorithm than the signature’s is refused', async () => {
    const { privateKey } = at.publicKey('RS256');
    const token = (named: string): string =>
      compact({ ...at.header('RS256'), alg: named }, at.claims('RS256'), { alg: 'RS256', key: privateKey });
    const cases = ['RS384', 'rs256', 'RS256 ', 'RSA256', 'PS256', 'ES256', 'EdDSA', 'RS1', 'SHA256withRSA'].map(
      (named) => [named, token(named)] as const,
    );
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('twin: a key without an algorithm verifies each one that fits it', async () => {
    // The issuer of PS256 has an RSA key without `alg`.
    for (const alg of ['RS256', 'RS512', 'PS256', 'PS384'] as const)
      expect(await at.outcome(`Bearer ${sign(alg, at.signer('PS256'), 'PS256')}`)).toBe('200 ada');
    expect(issuerOf('PS256')).toBe('https://ps256.example');
  });
});
