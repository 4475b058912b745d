/**
 * The cache of verified tokens: no result for another token, another route or another time, or after the key is
 * removed.
 */
import { createSecretKey } from 'node:crypto';
import { closeGrounds } from '../../support/attack-ground.js';
import { seconds } from '../../support/token-issuer.js';
import { all, REFUSED, tokenGround, type TokenGround } from '../../support/token-ground.js';
import { askedServer, json, type AskedServer } from '../../tokens/introspection-server.js';
import { compact, encoded } from '../../tokens/raw-signing.js';
import { signingKey } from '../../tokens/signing.js';

const ROUTES = [
  'audience: api.example.com',
  'audience: other',
  'required_scopes: [read]',
  'required_scopes: [read, write]',
  'required_claims: { role: admin }',
  'issuers: [shared]',
  'issuers: [ES256]',
];

let at: TokenGround;
let keySet: AskedServer;
const [first, second, third] = [signingKey('RS256'), signingKey('RS256'), signingKey('RS256')];
const MOVING = 'https://moving.example';
const jwks = (...keys: { key: typeof first; kid: string }[]) =>
  json({ keys: keys.map(({ key, kid }) => ({ ...key.jwk, kid, use: 'sig', alg: 'RS256' })) });

beforeAll(async () => {
  keySet = await askedServer(jwks({ key: first, kid: 'k1' }));
  at = await tokenGround({
    jwt: 'leeway: 0s,',
    issuers: `{ name: moving, issuer: "${MOVING}", jwks_url: "${keySet.origin}/jwks", jwks_max_age: 1s, stale_if_error: 0s }`,
    routes: ROUTES.map(
      (narrow, index) => `\n  - { id: r${index}, path: /r${index}/*, upstream: backend, auth: { jwt: { ${narrow} } } }`,
    ).join(''),
  });
});
afterAll(async () => {
  await closeGrounds();
  await keySet.close();
});

describe('JWT-32 the cached result of one token', () => {
  test('admits no other token with the same header, claims, expiry or signature', async () => {
    const token = at.honest('HS256');
    const [header = '', payload = '', signature = ''] = token.split('.');
    const root = encoded(at.claims('HS256', { sub: 'root' }));
    const other = at.honest('HS256', { sub: 'bob' });
    const strange = compact(at.header('HS256'), at.claims('HS256'), {
      alg: 'HS256',
      key: createSecretKey(Buffer.alloc(64, 1)),
    });
    const cases: [string, string][] = [
      ['other claims, its signature', `${header}.${root}.${signature}`],
      ['other header, its signature', `${encoded({ alg: 'HS256', kid: 'x' })}.${payload}.${signature}`],
      ['its claims, another’s signature', `${header}.${payload}.${other.split('.')[2] ?? ''}`],
      ['its claims, a stranger’s signature', strange],
      ['its last 16 characters', `${header}.${root}.${'A'.repeat(27)}${signature.slice(-16)}`],
      ['its first 52 characters', token.slice(0, 52) + `.${root}.${signature}`],
      ['the first half of its signature', `${header}.${payload}.${signature.slice(0, 22)}${'A'.repeat(21)}`],
      ['the last half of its signature', `${header}.${payload}.${'A'.repeat(21)}${signature.slice(21)}`],
      ['itself and more', `${token}AAAA`],
      ['more and itself', `A${token}`],
    ];
    for (let times = 0; times < 2; times++) {
      expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
      expect(await at.outcome(`Bearer ${token}`)).toBe('200 ada');
      expect(await at.outcome(`Bearer ${other}`)).toBe('200 bob');
    }
  });

  test('is checked again on each route, in any order', async () => {
    const paths = ROUTES.map((_narrow, index) => `/r${index}/x`);
    const tokens = {
      plain: at.honest('HS256', { scope: 'read', role: 'user' }),
      rich: at.honest('HS256', { scope: 'write read', role: ['x', 'admin'], aud: ['other', 'api.example.com'] }),
    };
    const ask = async (token: string, order: readonly string[]): Promise<Record<string, string>> => {
      const found: [string, string][] = [];
      for (const path of order) found.push([path, (await at.outcome(`Bearer ${token}`, path)).slice(0, 3)]);
      return Object.fromEntries(found);
    };
    for (const order of [paths, [...paths].reverse(), [...paths, ...paths]]) {
      expect(Object.values(await ask(tokens.plain, order)).sort()).toEqual([
        '200',
        '200',
        '200',
        '403',
        '403',
        '403',
        '403',
      ]);
      const { '/r1/x': audience, '/r3/x': scopes, '/r4/x': role, '/r6/x': issuer } = await ask(tokens.rich, order);
      expect([audience, scopes, role, issuer]).toEqual(['200', '200', '200', '403']);
    }
    expect((await ask(tokens.plain, paths))['/r3/x']).toBe('403');
  });

  test('twin: hundreds of mixed requests with two tokens each get their own identity', async () => {
    const tokens = { ada: at.honest('HS256'), bob: at.honest('HS256', { sub: 'bob' }) };
    const asked = Array.from({ length: 400 }, (_no, index) => (index % 2 === 0 ? 'ada' : 'bob'));
    const told = await Promise.all(
      asked.map(async (who) => {
        const { body } = await at.ask('/internal/x', { headers: { Authorization: `Bearer ${tokens[who]}` } });
        const { fields } = JSON.parse(body) as { fields: [string, string][] };
        return fields.find(([name]) => name.toLowerCase() === 'x-user-id')?.[1];
      }),
    );
    at.arrived();
    expect(told).toEqual(asked);
  });
});

describe('JWT-33 a token that outlives its time or its key', () => {
  test('is refused from the second of its exp on, however often it was cached', async () => {
    const exp = seconds() + 3;
    const token = at.honest('HS256', { exp });
    let passed = 0;
    // It passes before its end and never after. The clock is read on this side of each response.
    for (;;) {
      const outcome = await at.outcome(`Bearer ${token}`);
      if (outcome !== '200 ada') {
        expect(outcome).toBe(REFUSED);
        break;
      }
      passed += 1;
      expect(seconds()).toBeLessThanOrEqual(exp + 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(passed).toBeGreaterThan(0);
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1_000);
    expect(await at.outcome(`Bearer ${token}`)).toBe(REFUSED);
  });

  test('is refused once its key has left the set, and so is what another key signed under its name', async () => {
    const token = (key: typeof first, kid: string): string =>
      compact({ alg: 'RS256', kid }, { ...at.claims('RS256'), iss: MOVING }, { alg: 'RS256', key: key.privateKey });
    const [old, now] = [token(first, 'k1'), token(second, 'k1')];
    expect([await at.outcome(`Bearer ${old}`), await at.outcome(`Bearer ${now}`)]).toEqual(['200 ada', REFUSED]);
    // The same name, another key: the cached result belongs to the key, not to the name.
    keySet.answer = jwks({ key: second, kid: 'k1' });
    await eventually(async () => (await at.outcome(`Bearer ${now}`)) === '200 ada');
    expect(await at.outcome(`Bearer ${old}`)).toBe(REFUSED);
    // A renamed key has not left. A removed key has.
    keySet.answer = jwks({ key: third, kid: 'k2' });
    await eventually(async () => (await at.outcome(`Bearer ${now}`)) === REFUSED);
    expect(await at.outcome(`Bearer ${old}`)).toBe(REFUSED);
    expect(await at.outcome(`Bearer ${token(third, 'k2')}`)).toBe('200 ada');
  });

  test('twin: a token in its time, of a key that stays, passes through any number of loads', async () => {
    keySet.answer = jwks({ key: second, kid: 'k3' });
    const token = compact(
      { alg: 'RS256', kid: 'k3' },
      { ...at.claims('RS256'), iss: MOVING },
      { alg: 'RS256', key: second.privateKey },
    );
    await eventually(async () => (await at.outcome(`Bearer ${token}`)) === '200 ada');
    const before = keySet.asked.length;
    while (keySet.asked.length < before + 3) {
      expect(await at.outcome(`Bearer ${token}`)).toBe('200 ada');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
});

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await holds());) {
    if (Date.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
