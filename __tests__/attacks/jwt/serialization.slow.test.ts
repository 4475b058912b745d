/** Tokens in other forms: unencoded, encrypted, nested, in JSON, in parts, with duplicate members. */
import { CompactEncrypt, FlattenedSign, GeneralSign } from 'jose';
import { closeGrounds } from '../../support/attack-ground.js';
import { all, REFUSED, SHARED_SECRET, tokenGround, type TokenGround } from '../../support/token-ground.js';
import { encoded, signatureOf } from '../../tokens/raw-signing.js';

let at: TokenGround;
beforeAll(async () => (at = await tokenGround()));
afterAll(closeGrounds);

const json = (value: unknown): string => JSON.stringify(value);

describe('JWT-08 an unencoded payload', () => {
  test('is refused, with crit and without, encoded or not', async () => {
    const claims = json(at.claims('HS256'));
    const cases = [
      { b64: false, crit: ['b64'] }, { b64: false }, { b64: true }, { b64: true, crit: ['b64'] }, { b64: 'false', crit: ['b64'] },
      { b64: null }, { b64: 0 }, { crit: ['b64'] }, { crit: [] }, { crit: ['exp'], exp: 1 }, { crit: 'b64' }, { crit: null },
      { crit: ['alg'] }, { crit: ['x'], x: 1 },
    ].flatMap((more): [string, string][] => {
      const header = encoded({ ...at.header('HS256'), ...more });
      const whole = (payload: string, input = `${header}.${payload}`): string =>
        `${header}.${payload}.${signatureOf('HS256', at.signer('HS256'), input).toString('base64url')}`;
      return [
        [`${json(more)}, encoded`, whole(encoded(claims))],
        [`${json(more)}, not encoded`, whole(claims)],
        [`${json(more)}, encoded, signed unencoded`, whole(encoded(claims), `${header}.${claims}`)],
      ];
    }); // prettier-ignore
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('twin: an encoded payload without b64 in the header passes, and so does a claim called b64', async () => {
    expect(await at.outcome(`Bearer ${at.honest('HS256', { b64: false, crit: ['b64'] })}`)).toBe('200 ada');
  });
});

describe('JWT-19 an encrypted token', () => {
  const ENCRYPTIONS = ['A128GCM', 'A192GCM', 'A256GCM', 'A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512'];

  /**
   * Every algorithm of jose with every content encryption, to the issuer's keys and the shared secret, generated here.
   */
  async function encrypted(): Promise<[string, string][]> {
    const secret = (bytes: number): Uint8Array => Buffer.from(SHARED_SECRET).subarray(0, bytes);
    const rsa = at.publicKey('RS256').publicKey;
    const curve = at.publicKey('ES256').publicKey;
    const keys = {
      'RSA-OAEP': rsa, 'RSA-OAEP-256': rsa, 'RSA-OAEP-512': rsa, 'ECDH-ES': curve, 'ECDH-ES+A128KW': curve, 'ECDH-ES+A256KW': curve,
      A128KW: secret(16), A256KW: secret(32), A128GCMKW: secret(16), A256GCMKW: secret(32), 'PBES2-HS256+A128KW': secret(40),
    }; // prettier-ignore
    const made = Object.entries(keys).flatMap(([alg, key]) =>
      ENCRYPTIONS.map(async (enc): Promise<[string, string]> => {
        // A whole token inside. A claim set would be refused for a simpler reason.
        const inner = enc.endsWith('GCM') ? at.honest('RS256') : json(at.claims('RS256'));
        const jwe = new CompactEncrypt(Buffer.from(inner)).setProtectedHeader({
          alg,
          enc,
          cty: 'JWT',
          kid: 'of-the-page',
        });
        return [`${alg} ${enc}`, await jwe.encrypt(key)];
      }),
    );
    return Promise.all(made);
  }

  test('is refused and not decrypted, with any algorithm', async () => {
    const cases = await encrypted();
    expect(cases.length).toBeGreaterThanOrEqual(50);
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('does no requested work: a billion rounds, a decompression bomb', async () => {
    const parts = (header: object): string =>
      [encoded(header), encoded('key'), encoded('iv'), encoded('text'), encoded('tag')].join('.');
    const zipped = Buffer.alloc(1_500, 0x78).toString('base64url');
    const cases: [string, string][] = [
      ['p2c', parts({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 1e9, p2s: 'AAAAAAAAAAAAAAAAAAAAAA' })],
      ['zip', parts({ alg: 'dir', enc: 'A128GCM', zip: 'DEF' }).replace('.dGV4dA.', `.${zipped}.`)],
      ['a JWS with zip', at.signed('HS256', { alg: 'HS256', zip: 'DEF' }, Buffer.from(zipped, 'base64url'))],
      ['a JWS with enc', at.signed('HS256', { alg: 'HS256', enc: 'A128GCM' }, at.claims('HS256'))],
      ['a JWS in five parts', `${at.honest('HS256')}.AA.AA`],
      ['no alg', parts({ enc: 'A128GCM' })],
    ];
    const start = performance.now();
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
    // The rounds alone would take minutes.
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  test('twin: the inner token passes by itself', async () => {
    expect(await at.outcome(`Bearer ${at.honest('RS256')}`)).toBe('200 ada');
  });
});

describe('JWT-20 a nested token', () => {
  test('is not unwrapped, and its wrapper is not a token', async () => {
    const inner = at.honest('HS256', { sub: 'root' });
    const cases = ['JWT', 'jwt', 'Jwt', 'application/jwt', 'application/JWT', 'JWS', undefined].flatMap(
      (cty): [string, string][] => [
        [`${cty}, the token`, at.signed('HS256', at.header('HS256', { cty }), inner)],
        [`${cty}, the token as JSON text`, at.signed('HS256', at.header('HS256', { cty }), json(inner))],
        ...(cty === undefined || cty === 'JWS'
          ? []
          : [[`${cty}, claims`, at.honest('HS256', {}, { cty })] as [string, string]]),
      ],
    );
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('twin: claims that contain a token are claims, and other content types are ignored', async () => {
    expect(await at.outcome(`Bearer ${at.honest('HS256', { jwt: at.honest('HS256', { sub: 'root' }) })}`)).toBe(
      '200 ada',
    );
    expect(await at.outcome(`Bearer ${at.honest('HS256', {}, { cty: 'application/json' })}`)).toBe('200 ada');
  });
});

describe('JWT-21 other serializations', () => {
  test('JSON, too few parts, too many, two tokens: refused', async () => {
    const token = at.honest('HS256');
    const [header = '', payload = '', signature = ''] = token.split('.');
    const claims = Buffer.from(json(at.claims('HS256')));
    const flattened = await new FlattenedSign(claims).setProtectedHeader({ alg: 'HS256' }).sign(at.signer('HS256'));
    const general = await new GeneralSign(claims)
      .addSignature(at.signer('HS256'))
      .setProtectedHeader({ alg: 'HS256' })
      .sign();
    const cases = [
      json(flattened), json(general), json({ protected: header, payload, signature }), encoded(flattened), json(token), `[${json(token)}]`,
      json({ token }), `${header}.${payload}`, `${token}.x`, `${token}.x.y`, `${token}.x.y.z`, `${token}.`, `.${token}`, `${header}.${token}`,
      `${token},${token}`, `${token}, ${token}`, `${token} ${token}`, `${token};${token}`, `${token}|${token}`, `${token}.${token}`,
      `${token}~`, `${token}~${token}`, `${token}~WyJzYWx0IiwieCIsInkiXQ~`, `${token}#x`, `${token}?x=y`, `${token}&x`, `${token}%00`, `"${token}"`, `'${token}'`, `<${token}>`,
      `token=${token}`, `access_token="${token}"`, `JWT ${token}`, `Bearer ${token}`, `eyJ ${token}`, header, payload, signature,
    ].map((text) => [text, text] as const); // prettier-ignore
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('twin: one compact token passes', async () => {
    expect(await at.outcome(`Bearer ${at.honest('HS256')}`)).toBe('200 ada');
  });
});

/** The claims as JSON text with these members after the others, or before them. */
const written = (more: string, first = false): string => {
  const text = json(at.claims('HS256')).slice(1, -1);
  return first ? `{${more},${text}}` : `{${text},${more}}`;
};

describe('JWT-22 a duplicate member', () => {
  test('in header or claims, in any place and spelling, is refused although the issuer signed it', async () => {
    const good = at.claims('HS256');
    const members = Object.entries(good).flatMap(([name, value]) => [`"${name}":${json(value)}`, `"${name}":"other"`]);
    const escapes = [
      '"\\u0073ub":"root"',
      '"s\\u0075b":"root"',
      '"su\\u0062":"root"',
      '"\\u0073\\u0075\\u0062":"root"',
    ];
    const deep = [
      '"x":{"y":1,"y":2}',
      '"x":[{"y":1,"y":2}]',
      '"x":{"a":{"b":{"c":1,"d":2,"c":3}}}',
      '"x":1,"x":1',
      '"":1,"":2',
      '"__proto__":{},"__proto__":{}',
    ];
    const claims = [...members, ...escapes, ...deep].flatMap((text): [string, string][] => [
      [`claims, behind: ${text}`, at.signed('HS256', at.header('HS256'), written(text))],
      [`claims, before: ${text}`, at.signed('HS256', at.header('HS256'), written(text, true))],
    ]);
    const headers = [
      '{"alg":"none","alg":"HS256"}', '{"alg":"HS256","alg":"none"}', '{"alg":"HS256","alg":"HS256"}', '{"\\u0061lg":"none","alg":"HS256"}',
      '{"alg":"HS256","kid":"a","kid":"b"}', '{"alg":"HS256","typ":"JWT","typ":"JWT"}', '{"alg":"HS256","jwk":{"kty":"oct","kty":"RSA"}}',
      '{"alg":"HS256","x":"\\"","x":1}', '{"alg" : "HS256" ,\n"alg"\t: "none"}',
    ].map((text): [string, string] => [`header: ${text}`, at.signed('HS256', text, good)]); // prettier-ignore
    const cases = [...claims, ...headers];
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('twin: one name in two objects, in two cases, or inside a string is not a duplicate', async () => {
    const texts = [
      '"x":{"sub":"root"}',
      '"x":[{"y":1},{"y":2}]',
      '"Sub":"root","SUB":"root"',
      '"x":"\\"sub\\":\\"root\\",\\"sub\\":1"',
      '"__proto__":{"sub":"root"}',
      '"x":"}{,:"',
    ];
    for (const text of texts)
      expect([text, await at.outcome(`Bearer ${at.signed('HS256', at.header('HS256'), written(text))}`)]).toEqual([
        text,
        '200 ada',
      ]);
  });
});
