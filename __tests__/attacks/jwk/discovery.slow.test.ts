/** Discovery documents that name another issuer, or lead to another server. */
import { gateOf, jwkOf, K1, K2, tokenOf } from '../../support/key-sets.js';
import { closeOpened } from '../../support/page-gate.js';
import { askedServer, json, raw, type Answer, type AskedServer } from '../../tokens/introspection-server.js';

const servers: AskedServer[] = [];
afterEach(async () => {
  await closeOpened();
  for (const each of servers.splice(0)) await each.close();
});

const WELL_KNOWN = '/.well-known/openid-configuration';

/** An issuer whose document `document` builds from its origin. Its keys are at `/jwks`. */
async function issuerWith(document: (origin: string) => Answer): Promise<AskedServer> {
  const server: AskedServer = await askedServer((asked, response) =>
    (asked.url.endsWith(WELL_KNOWN) ? document(server.origin) : json({ keys: [jwkOf(K1, 'k1')] }))(asked, response),
  );
  servers.push(server);
  return server;
}

async function statusAt(issuer: string, key = K1): Promise<{ status: number; logged: boolean }> {
  const gate = await gateOf(`{ issuer: "${issuer}" }`);
  const status = await gate.status(tokenOf(issuer, key, 'k1'));
  return { status, logged: gate.log.some(({ words }) => words === 'key set not loaded') };
}

const URIS: readonly unknown[] = [
  undefined, null, 7, {}, [], '', '/jwks', 'jwks', 'file:///etc/passwd', 'data:application/json,{"keys":[]}', 'ftp://id.example/jwks', 'http://192.0.2.1/jwks', 'http://10.0.0.1/jwks', 'http://169.254.169.254/latest', 'http://0.0.0.0/jwks',
  'http://localhost.evil.example/jwks', 'javascript:0', '//127.0.0.1/jwks',
]; // prettier-ignore

describe('JWK-12 a discovery document', () => {
  test('of another issuer is refused: unavailable, logged, and its keys are not loaded', async () => {
    const others = (origin: string): unknown[] => [
      `${origin}/`, origin.toUpperCase(), `${origin} `, ` ${origin}`, `${origin}/x`, origin.replace('127.0.0.1', 'localhost'), origin.replace('http:', 'https:'), `${origin}#`, `${origin}?`, [origin], { 0: origin }, null, undefined, '', 7, true, 'https://id.example',
      `https://evil.example/${origin}`,
    ]; // prettier-ignore
    for (let index = 0; index < others('').length; index++) {
      const issuer = await issuerWith((origin) => json({ issuer: others(origin)[index], jwks_uri: `${origin}/jwks` }));
      expect([index, await statusAt(issuer.origin)]).toEqual([index, { status: 503, logged: true }]);
      expect(new Set(issuer.asked.map(({ url }) => url))).toEqual(new Set([WELL_KNOWN]));
    }
  });

  test('without keys, with an invalid URL, or with a plain URL elsewhere is refused', async () => {
    for (const uri of URIS) {
      const issuer = await issuerWith((origin) => json({ issuer: origin, jwks_uri: uri }));
      expect([uri, await statusAt(issuer.origin)]).toEqual([uri, { status: 503, logged: true }]);
      expect(new Set(issuer.asked.map(({ url }) => url))).toEqual(new Set([WELL_KNOWN]));
    }
  });

  test('that is invalid is refused: a redirect, a list, a member twice, another status', async () => {
    const broken: ((origin: string) => Answer)[] = [
      (origin) => raw(302, '', { location: `${origin}/other${WELL_KNOWN}` }),
      (origin) => json([{ issuer: origin, jwks_uri: `${origin}/jwks` }]),
      (origin) => raw(200, `{"issuer":"https://evil.example","issuer":"${origin}","jwks_uri":"${origin}/jwks"}`),
      (origin) => raw(200, `{"issuer":"${origin}","jwks_uri":"http://192.0.2.1/","jwks_uri":"${origin}/jwks"}`),
      (origin) => json({ issuer: origin, jwks_uri: `${origin}/jwks` }, 404),
      (origin) => json({ issuer: origin, jwks_uri: `${origin}/jwks` }, 203),
      (origin) => json({ issuer: origin, jwks: { keys: [jwkOf(K1, 'k1')] } }),
      () => raw(200, '<html>'),
    ];
    for (const [index, document] of broken.entries()) {
      const issuer = await issuerWith(document);
      expect([index, await statusAt(issuer.origin)]).toEqual([index, { status: 503, logged: true }]);
    }
  });

  test('that changes later is not followed to a plain URL; the loaded keys are used', async () => {
    let uri = '';
    const issuer = await issuerWith((origin) => json({ issuer: origin, jwks_uri: uri || `${origin}/jwks` }));
    const gate = await gateOf(`{ issuer: "${issuer.origin}" }`);
    const late = { exp: 4_000_000_000 };
    expect(await gate.status(tokenOf(issuer.origin, K1, 'k1', late))).toBe(200);
    uri = 'http://192.0.2.1/jwks';
    expect(await gate.status(tokenOf(issuer.origin, K2, 'k2', late))).toBe(503);
    expect(await gate.status(tokenOf(issuer.origin, K1, 'k1', { ...late, jti: 'new' }))).toBe(200);
  });

  test('twin: the issuer’s own, with and without a slash, and its keys at another place of its choice', async () => {
    const plain = await issuerWith((origin) => json({ issuer: origin, jwks_uri: `${origin}/jwks`, more: [1] }));
    expect((await statusAt(plain.origin)).status).toBe(200);
    expect((await statusAt(plain.origin, K2)).status).toBe(401);
    const slash = await issuerWith((origin) => json({ issuer: `${origin}/`, jwks_uri: `${origin}/jwks` }));
    expect((await statusAt(`${slash.origin}/`)).status).toBe(200);
    const tenant = await issuerWith((origin) =>
      json({ issuer: `${origin}/tenant/v2.0`, jwks_uri: `${plain.origin}/jwks` }),
    );
    expect((await statusAt(`${tenant.origin}/tenant/v2.0`)).status).toBe(200);
    expect(tenant.asked.map(({ url }) => url)).toEqual([`/tenant/v2.0${WELL_KNOWN}`]);
  });
});
