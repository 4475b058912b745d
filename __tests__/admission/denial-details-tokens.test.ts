/** The `detail` of a denial for issuers with a template, for ID tokens, and for `requireScopes()`. */
import { createServer } from 'node:http';
import { requireScopes } from '../../src/gateway/require-scopes.js';
import { loom } from '../../src/loom.js';
import { ask } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';
import { bearer, tokenIssuer, type Claims, type TokenIssuer } from '../support/token-issuer.js';

let issuer: TokenIssuer;
let gate: ReturnType<typeof loom>;
let port = 0;
const log = quietLog();
const guard = requireScopes('read write');
const server = createServer((req, res) => gate(req, res, () => guard(req, res, () => res.end('passed'))));

beforeAll(async () => {
  issuer = await tokenIssuer();
  const issuers = [
    { issuer: `${issuer.origin}/users`, token_type: 'id_token' },
    { issuer: `${issuer.origin}/{tid}`, required_claims: { tid: ['a', 'b'] } },
  ];
  const jwt = { audience: 'api.example.com', jwks_url: `${issuer.origin}/jwks`, issuers };
  const routes = [{ path: '/open', auth: 'none' }];
  gate = loom({ config: { middleware: { auth: { jwt, chain: ['jwt'] } }, routes } }, { log });
  await gate.ready;
  port = await listening(server);
});
afterAll(async () => {
  await closed(server);
  await gate.close();
  await issuer.close();
});

async function detailOf(claims: Claims, header: object = {}): Promise<unknown> {
  const { body } = await ask({ port, path: '/', ...bearer(await issuer.token(claims, header)) });
  const { instance } = JSON.parse(body) as { instance: string };
  const line = log.entries.map(({ facts }) => facts).find((facts) => facts['instance'] === instance);
  return String(line?.['detail']).replaceAll(issuer.origin, 'https://id.example.com');
}

test('a tenant that differs from the issuer is named, not the issuer', async () => {
  expect(await detailOf({ iss: `${issuer.origin}/a`, tid: 'c' })).toBe(
    'jwt: `tid` is "c"; a token with `iss` "https://id.example.com/a" must have "a"',
  );
  expect(await detailOf({ iss: `${issuer.origin}/b`, tid: undefined })).toMatch(
    /^jwt: `tid` is missing or ambiguous; .* have "b"$/,
  );
});

test('a tenant that is not listed is an unknown issuer', async () => {
  expect(await detailOf({ iss: `${issuer.origin}/c`, tid: 'c' })).toMatch(
    /`iss` is "https:\/\/id.example.com\/c"; exp/,
  );
});

test('an access token in place of an ID token is not called an ID token', async () => {
  expect(await detailOf({ iss: `${issuer.origin}/users` }, { typ: 'at+jwt' })).toBe(
    'jwt: the token is not an ID token: `typ` of its header',
  );
});

test('requireScopes() names the scope that is missing, and itself', async () => {
  expect(await detailOf({ iss: `${issuer.origin}/a`, tid: 'a', scope: 'read' })).toBe(
    'jwt: scope "write" is missing; the credential has "read" (requireScopes)',
  );
});

test('requireScopes() behind an open route says that there is no caller', async () => {
  expect((await ask({ port, path: '/open' })).status).toBe(401);
  expect(log.entries.at(-1)?.facts['detail']).toBe('requireScopes() needs a caller, and the request has no identity');
});
