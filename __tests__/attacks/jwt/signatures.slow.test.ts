/** Invalid signatures: psychic, stripped, at the edges of their algorithm; and the reason that a forged token gets. */
import { closeGrounds } from '../../support/attack-ground.js';
import { type Claims } from '../../support/token-issuer.js';
import { all, REFUSED, tokenGround, waitFor, type TokenGround } from '../../support/token-ground.js';
import { edgesOf } from '../../tokens/edge-signatures.js';
import { compact } from '../../tokens/raw-signing.js';
import { signingKey } from '../../tokens/signing.js';

let at: TokenGround;
beforeAll(async () => (at = await tokenGround({ top: 'logging: { access: { enabled: true } }' })));
afterAll(closeGrounds);

const partsOf = (token: string): [string, string, string] => token.split('.') as [string, string, string];

describe('JWT-09 psychic signatures', () => {
  test.each(['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'PS256'] as const)(
    'at the edges of %s are refused',
    async (alg) => {
      const [header, payload, signature] = partsOf(at.honest(alg));
      const { privateKey: key, publicKey } = at.publicKey(alg);
      const input = `${header}.${payload}`;
      const edges = edgesOf(alg, Buffer.from(signature, 'base64url'), { key, publicKey, input });
      const cases = edges.map(([what, bytes]) => [what, `${input}.${bytes.toString('base64url')}`] as const);
      if (alg.startsWith('ES')) expect(cases.length).toBeGreaterThanOrEqual(50);
      expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
    },
  );

  test.each(['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'PS256'] as const)(
    'twin: the signature of %s passes',
    async (alg) => {
      // A new signature each time, if the algorithm is random.
      for (let times = 0; times < 3; times++) expect(await at.outcome(`Bearer ${at.honest(alg)}`)).toBe('200 ada');
    },
  );
});

describe('JWT-10 stripped signatures', () => {
  test.each(['RS256', 'HS256', 'ES256', 'EdDSA'] as const)(
    'of %s are refused, before and after the whole token',
    async (alg) => {
      const [h, p, s] = partsOf(at.honest(alg));
      const cases = [
      `${h}.${p}.`, `${h}.${p}`, `${h}.${p}.AA`, `${h}.${p}.A`, `${h}.${p}..`, `${h}.${p}.=`, `${h}.${p}.${s.slice(0, 1)}`,
      `${h}.${p}.${s.slice(0, -1)}`, `${h}.${p}.${s.slice(1)}`, `${h}.${p}.${s}.`, `.${h}.${p}.${s}`, `${h}..${s}`, `.${p}.${s}`,
      `.${p}.`, `${h}..`, `..${s}`, '..', '.', '...', `${h}`, `${h}.`, `.${h}`, `${p}.${h}.${s}`, `${h}.${p}.${h}`, `${h}.${p}.null`,
      `${h}.${p}.undefined`, `${h}.${p}.${Buffer.alloc(256).toString('base64url')}`,
    ].map((token) => [token, token] as const); // prettier-ignore
      for (let times = 0; times < 2; times++) {
        expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
        expect(await at.outcome(`Bearer ${h}.${p}.${s}`)).toBe('200 ada');
      }
    },
  );

  test('an empty token is no token', async () => {
    expect(await at.outcome('Bearer')).toBe('401');
    expect(await at.outcome('Bearer ')).toBe('401');
  });

  test('twin: the whole tokens pass', async () => {
    for (const alg of ['RS256', 'HS256', 'ES256', 'EdDSA'] as const)
      expect(await at.outcome(`Bearer ${at.honest(alg)}`)).toBe('200 ada');
  });
});

describe('JWT-42 several faults at once', () => {
  const stranger = signingKey('ES256').privateKey;
  const WRONG: Readonly<Record<string, Claims>> = {
    none: {},
    expired: { exp: 1 },
    'not yet valid': { nbf: 4_000_000_000 },
    'another audience': { aud: 'another' },
    'no subject': { sub: 7 },
    'bound to a key': { cnf: {} },
    all: { exp: 1, nbf: 4_000_000_000, aud: 'another', sub: 7, cnf: {} },
  };
  const forged = (claims: Claims): string =>
    compact(at.header('ES256'), at.claims('ES256', claims), { alg: 'ES256', key: stranger });

  /** The whole response, except the id of the request. */
  const told = async (token: string): Promise<string> => {
    const { status, headers, body } = await at.ask('/internal/x', { headers: { Authorization: `Bearer ${token}` } });
    return JSON.stringify([status, headers['www-authenticate'], { ...(JSON.parse(body) as object), instance: '' }]);
  };

  test('a forged token gets the same response, whatever its claims', async () => {
    const answers = new Set<string>();
    for (const claims of Object.values(WRONG)) answers.add(await told(forged(claims)));
    expect(answers.size).toBe(1);
    expect([...answers][0]).toMatch(/^\[401,/);
    expect(at.arrived()).toEqual([]);
  });

  test('the log has the signature too as the reason, not the claims', async () => {
    const tokens = [...Object.values(WRONG).map(forged), at.honest('ES256', { exp: 1 })];
    for (const [index, token] of tokens.entries()) await at.outcome(`Bearer ${token}`, `/internal/logged-${index}`);
    const reasons: string[] = [];
    for (const index of tokens.keys()) {
      const line = new RegExp(`^.*"path":"/internal/logged-${index}".*$`, 'm');
      reasons.push(await waitFor(() => /token_[a-z_]+/.exec(line.exec(at.output())?.[0] ?? '')?.[0]));
    }
    expect(reasons).toEqual([...Object.keys(WRONG).map(() => 'token_signature'), 'token_expired']);
  });

  test('twin: with a valid signature, the good one passes, and the others are refused for their claims', async () => {
    for (const [what, claims] of Object.entries(WRONG))
      expect([what, await at.outcome(`Bearer ${at.honest('ES256', claims)}`)]).toEqual([
        what,
        what === 'none' ? '200 ada' : REFUSED,
      ]);
  });
});
