import { createRemoteJWKSet, jwtVerify } from 'jose';
import { startIssuer, type Issuer } from '../../src/demo/issuer.js';

const CLIENTS = [
  { id: 'signed-app', secret: 's+e c:ret', tokens: 'jwt', scope: 'orders:read' },
  { id: 'opaque-app', secret: 'other', tokens: 'opaque', scope: 'reports:read' },
] as const;
const INTROSPECTOR = { id: 'loom-gateway', secret: 'gateway-secret' };

let issuer: Issuer;
beforeAll(async () => {
  issuer = await startIssuer({ clients: CLIENTS, introspector: INTROSPECTOR, audience: 'api.example.com' });
});
afterAll(() => issuer.close());

const basic = ({ id, secret }: { id: string; secret: string }) =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`;

async function post(path: string, form: Record<string, string>, as?: { id: string; secret: string }) {
  const headers: Record<string, string> = as ? { authorization: basic(as) } : {};
  const reply = await fetch(`${issuer.url}${path}`, { method: 'POST', headers, body: new URLSearchParams(form) });
  return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
}

const GRANT = { grant_type: 'client_credentials' };

test('discovery names the issuer exactly, and endpoints of the same origin', async () => {
  const found = (await (await fetch(`${issuer.url}/.well-known/openid-configuration`)).json()) as Record<
    string,
    string
  >;
  expect(found['issuer']).toBe(issuer.url);
  for (const name of ['jwks_uri', 'token_endpoint', 'introspection_endpoint']) {
    expect(new URL(found[name] ?? '').origin).toBe(issuer.url);
  }
});

test('a client gets a signed token that the published keys verify', async () => {
  const { status, body } = await post('/token', GRANT, CLIENTS[0]);
  expect(status).toBe(200);
  const keys = createRemoteJWKSet(new URL(`${issuer.url}/.well-known/jwks.json`));
  const { payload, protectedHeader } = await jwtVerify(String(body['access_token']), keys, {
    issuer: issuer.url,
    audience: 'api.example.com',
    typ: 'at+jwt',
  });
  expect(payload).toMatchObject({ sub: 'signed-app', client_id: 'signed-app', scope: 'orders:read' });
  expect(protectedHeader.alg).toBe('ES256');
});

test('an opaque token is active for the gateway, an invented one is not', async () => {
  const { body } = await post('/token', { ...GRANT, client_id: 'opaque-app', client_secret: 'other' });
  const token = String(body['access_token']);
  const active = await post('/introspect', { token }, INTROSPECTOR);
  expect(active.body).toMatchObject({ active: true, sub: 'opaque-app', scope: 'reports:read', aud: 'api.example.com' });
  expect((await post('/introspect', { token: `${token}x` }, INTROSPECTOR)).body).toEqual({ active: false });
});

test('a wrong secret gets no token, and only the gateway may introspect', async () => {
  expect((await post('/token', GRANT, { id: 'signed-app', secret: 'guess' })).status).toBe(401);
  expect((await post('/token', GRANT)).status).toBe(401);
  expect((await post('/introspect', { token: 'x' }, CLIENTS[0])).status).toBe(401);
  expect((await post('/token', { grant_type: 'password' }, CLIENTS[0])).body).toEqual({
    error: 'unsupported_grant_type',
  });
});

test('a malformed or endless form is answered and the issuer lives', async () => {
  const malformed = await fetch(`${issuer.url}/token`, {
    method: 'POST',
    headers: { authorization: 'Basic JSVhOmI=' },
  });
  expect(malformed.status).toBe(400);
  const endless = await fetch(`${issuer.url}/token`, { method: 'POST', body: 'x'.repeat(20_000) }).catch(
    () => undefined,
  );
  expect(endless?.status ?? 400).toBe(400);
  expect((await fetch(`${issuer.url}/nowhere`)).status).toBe(404);
});

test('an expired token was issued before it expired', () => {
  const token = issuer.tokens.sign({ sub: 'alice', scope: '', seconds: -60 });
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    iat: number;
    exp: number;
  };
  expect(claims.iat).toBeLessThan(claims.exp);
  expect(claims.exp).toBeLessThan(Date.now() / 1000);
});
