/** Keys and key URLs inside a token: none is trusted, fetched or looked up. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { closeGrounds } from '../../support/attack-ground.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { all, issuerOf, REFUSED, tokenGround, type TokenGround } from '../../support/token-ground.js';
import { compact, encoded } from '../../tokens/raw-signing.js';
import { signingKey } from '../../tokens/signing.js';

let at: TokenGround;
/** A server of the attacker. Any connection to it was caused by a token. */
let canary: Server;
let visits = 0;
let elsewhere: string;
beforeAll(async () => {
  canary = createServer((socket) => {
    visits += 1;
    socket.destroy();
  });
  elsewhere = `127.0.0.1:${await listening(canary)}`;
  at = await tokenGround();
});
afterAll(async () => {
  await closeGrounds();
  await closed(canary);
});

const rsa = signingKey('RS256');
const curve = signingKey('ES256');

/** Signed by the attacker, for the issuer with the key set. */
const forged = (header: object, key: KeyObject = rsa.privateKey, alg: 'RS256' | 'ES256' | 'HS256' = 'RS256'): string =>
  compact({ ...at.header('RS256'), alg, ...header }, at.claims('RS256', { sub: 'root' }), { alg, key });

const x5c = (): string[] => [rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')];

describe('JWT-04 a key inside the token', () => {
  test('verifies nothing, in any member and with any name', async () => {
    const oct = createSecretKey(Buffer.from('attacker'));
    const k = Buffer.from('attacker').toString('base64url');
    const { kid } = at.header('RS256');
    const cases: [string, string][] = [
      ['jwk', forged({ jwk: rsa.jwk })],
      ['jwk and no kid', forged({ jwk: rsa.jwk, kid: undefined })],
      ['jwk with the kid', forged({ jwk: { ...rsa.jwk, kid } })],
      ['jwk with its own kid', forged({ kid: 'own', jwk: { ...rsa.jwk, kid: 'own' } })],
      ['jwk with a private half', forged({ jwk: rsa.privateKey.export({ format: 'jwk' }) })],
      ['jwk, ES256', forged({ jwk: curve.jwk }, curve.privateKey, 'ES256')],
      ['jwk, symmetric', forged({ jwk: { kty: 'oct', k } }, oct, 'HS256')],
      ['jwk, symmetric and with the kid', forged({ jwk: { kty: 'oct', k, kid, alg: 'HS256' } }, oct, 'HS256')],
      ['jwk as the kid', forged({ kid: rsa.jwk })],
      ['jwks', forged({ jwks: { keys: [{ ...rsa.jwk, kid }] } })],
      ['keys', forged({ keys: [{ ...rsa.jwk, kid }] })],
      ['x5c', forged({ x5c: x5c() })],
      ['x5c and its thumbprint', forged({ x5c: x5c(), x5t: 'AAAA', 'x5t#S256': 'AAAA' })],
      ['x5c, a text', forged({ x5c: x5c()[0] })],
      ['pem', forged({ pem: rsa.pem, key: rsa.pem, cert: rsa.pem })],
      ['epk, apu', forged({ epk: curve.jwk, apu: 'AA' })],
    ];
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
    const claimed = compact(at.header('RS256'), at.claims('RS256', { jwk: rsa.jwk, jwks: { keys: [rsa.jwk] } }), {
      alg: 'RS256',
      key: rsa.privateKey,
    });
    expect(await at.outcome(`Bearer ${claimed}`)).toBe(REFUSED);
  });

  test('twin: a token of the issuer that contains its own key, or another, passes by the key of the set', async () => {
    const own = at.publicKey('RS256').jwk;
    expect(await at.outcome(`Bearer ${at.honest('RS256', {}, { jwk: own })}`)).toBe('200 ada');
    expect(await at.outcome(`Bearer ${at.honest('RS256', {}, { jwk: rsa.jwk, x5c: x5c() })}`)).toBe('200 ada');
  });
});

describe('JWT-05 a URL inside the token', () => {
  test('is not requested', async () => {
    const before = at.issuer.asked.length;
    const urls = [
      `http://${elsewhere}/keys`, `https://${elsewhere}/keys`, `//${elsewhere}/keys`, `ftp://${elsewhere}/`, `gopher://${elsewhere}/_x`,
      `ws://${elsewhere}/`, `${elsewhere}`, 'file:///etc/passwd', `${at.issuer.origin}@${elsewhere}/`, `${at.issuer.origin}/jwks#@${elsewhere}`,
      `data:application/json,${JSON.stringify({ keys: [rsa.jwk] })}`, `http://${elsewhere}/\r\nX: y`,
    ]; // prettier-ignore
    const cases = urls.flatMap((url): [string, string][] => [
      [`jku ${url}`, forged({ jku: url })],
      [`jku with its own kid ${url}`, forged({ jku: url, kid: 'own' })],
      [`x5u ${url}`, forged({ x5u: url })],
      [`kid ${url}`, forged({ kid: url })],
      [
        `iss ${url}`,
        compact({ alg: 'RS256' }, { ...at.claims('RS256'), iss: url }, { alg: 'RS256', key: rsa.privateKey }),
      ],
      [
        `claims ${url}`,
        compact(
          at.header('RS256'),
          { ...at.claims('RS256'), jku: url, jwks_uri: url },
          { alg: 'RS256', key: rsa.privateKey },
        ),
      ],
    ]);
    expect(cases.length).toBeGreaterThanOrEqual(50);
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
    expect(visits).toBe(0);
    // The issuer itself gets only key set requests, and only one for all those unknown names.
    const asked = at.issuer.asked.slice(before).map(({ url }) => url);
    expect(asked.length).toBeLessThanOrEqual(1);
    expect(new Set(asked)).toEqual(new Set(asked.length > 0 ? ['/jwks'] : []));
  });

  test('twin: the issuer’s own token passes with such a URL, and the URL is not requested', async () => {
    const header = { jku: `http://${elsewhere}/keys`, x5u: `https://${elsewhere}/cert` };
    expect(await at.outcome(`Bearer ${at.honest('RS256', {}, header)}`)).toBe('200 ada');
    expect(visits).toBe(0);
  });
});

describe('JWT-06 special values of a kid', () => {
  const KIDS = [
    '../../dev/null', '../../../../../../dev/null', '/dev/null', '/proc/sys/kernel/randomize_va_space', '/etc/passwd', 'C:\\Windows\\win.ini',
    "x' UNION SELECT 'k", "' OR '1'='1", '"; DROP TABLE keys; --', '$(sleep 9)', '`id`', '|id', '${jndi:ldap://x}', '{{7*7}}', '%00', 'of-the-page\u0000',
    'of-the-page ', ' of-the-page', 'OF-THE-PAGE', 'of\u2010the\u2010page', 'of-the-page/', 'of-the-page,other', '__proto__', 'constructor', 'toString',
    'hasOwnProperty', 'length', '0', '-1', '', ' ', '*', '.*', 'undefined', 'null', 'a\u0000b', '\ud83d\ude00', 'x'.repeat(4_000),
  ]; // prettier-ignore
  const ODD: readonly unknown[] = [
    null,
    0,
    1,
    true,
    [],
    ['of-the-page'],
    {},
    { kid: 'of-the-page' },
    { toString: 'of-the-page' },
  ];

  test('finds no key, in a file or in a map', async () => {
    // Those that name a file are signed with its content, the others with an empty key.
    const empty = createSecretKey(Buffer.alloc(1));
    const cases = [...KIDS, ...ODD].flatMap((kid): [string, string][] => [
      [`${JSON.stringify(kid).slice(0, 40)}, of the attacker`, forged({ kid })],
      [`${JSON.stringify(kid).slice(0, 40)}, HMAC with an empty key`, forged({ kid }, empty, 'HS256')],
      [
        `${JSON.stringify(kid).slice(0, 40)}, no signature`,
        `${encoded({ ...at.header('RS256'), kid })}.${encoded(at.claims('RS256'))}.`,
      ],
    ]);
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('is exact: the issuer’s own signature with another name is refused', async () => {
    const cases = [...KIDS, ...ODD].map(
      (kid) => [JSON.stringify(kid).slice(0, 40), at.honest('RS256', {}, { kid })] as const,
    );
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
    const huge = at.honest('RS256', {}, { kid: 'x'.repeat(1_000_000) });
    expect(await at.outcome(`Bearer ${huge}`)).toMatch(/^4(?:01|31)/);
  });

  test('twin: the right name, or none, finds the key; if the file contains the key, the name is ignored', async () => {
    expect(await at.outcome(`Bearer ${at.honest('RS256')}`)).toBe('200 ada');
    expect(await at.outcome(`Bearer ${at.honest('RS256', {}, { kid: undefined })}`)).toBe('200 ada');
    expect(await at.outcome(`Bearer ${at.honest('ES256', {}, { kid: '../../dev/null' })}`)).toBe('200 ada');
    expect(issuerOf('ES256')).toBe('https://es256.example');
  });
});
