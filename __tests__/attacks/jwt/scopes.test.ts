/** Scopes and required claims: what adds a demand never becomes a choice. */
import { closeFronted, fronted, frontFile, type Fronted } from '../../support/fronted.js';
import { errorsOf } from '../../support/loading.js';
import { seconds } from '../../support/token-issuer.js';
import { askedServer, json, type AskedServer } from '../../tokens/introspection-server.js';
import { LONG_SECRET, signedBySecret } from '../../tokens/signing.js';

const jwt = (more = ''): string => `jwt: { algorithm: HS256, secret: "${LONG_SECRET}", audience: api, ${more} }`;
const known = new Map<string, Promise<Fronted>>();
const at = (narrow: string, block = ''): Promise<Fronted> => {
  const text = frontFile(jwt(block), narrow === '' ? '{ jwt: true }' : `{ jwt: { ${narrow} } }`);
  const made = known.get(text) ?? fronted(text);
  known.set(text, made);
  return made;
};
const asking = async (site: Promise<Fronted>, claims: object): Promise<string> => {
  const token = await signedBySecret({ sub: 'ada', aud: 'api', exp: seconds() + 600, ...claims });
  return (await site).ask({ headers: { Authorization: `Bearer ${token}` } });
};

let introspection: AskedServer;
beforeAll(async () => (introspection = await askedServer(json({ active: true, sub: 'ada' }))));
afterAll(async () => {
  await closeFronted();
  await introspection.close();
});

type Case = [narrow: string, claims: object, block?: string];

const REFUSED: Case[] = [
  ['required_claims: { scope: ["read write"] }', { scope: 'read' }],
  ['required_claims: { scope: "read write" }', { scope: 'write' }],
  ['required_claims: { scp: ["read write", admin] }', { scp: ['read'] }],
  ['required_claims: { scope: read }', { scope: 'readonly' }],
  ['required_claims: { scope: read }', { scope: 'reader read:all' }],
  ['required_claims: { scope: { all: [read, write] } }', { scope: 'read' }],
  ['required_claims: { permissions: { all: [a, b] } }', { permissions: ['a'] }],
  ['required_claims: { permissions: { all: [a, b] } }', { permissions: 'a b' }],
  ['required_claims: { permissions: { all: [a, b] } }', {}],
  ['any_scope: ["read write", admin]', { scope: 'read' }],
  ['any_scope: [read, write]', { scope: 'other' }],
  ['any_scope: [read, write]', {}],
  ['any_scope: [read, write], required_scopes: [base]', { scope: 'read write' }],
  ['any_scope: [read, write], required_scopes: [base]', { scope: 'base' }],
  ['any_scope: [read], required_claims: { role: admin }', { scope: 'read' }],
  ['required_scopes: [read]', { scope: 'write' }, 'required_scopes: [write]'],
  ['any_scope: [read]', { scope: 'read' }, 'required_scopes: [write]'],
  ['required_scopes: ["manage:all"]', { scope: 'openid', permissions: ['manage:all'] }],
  ['required_scopes: [read]', { scope: 'read' }, 'scope_claims: [permissions]'],
  ['required_scopes: [read]', { permissions: { read: true } }, 'scope_claims: [permissions]'],
  ['required_claims: { app.role: admin }', { 'app.role': 'admin', app: { role: 'guest' } }],
  ['required_claims: { app.role: admin }', { 'app.role': 'guest', app: { role: 'admin' } }],
  ['required_claims: [app.role]', { 'app.role': 'admin', app: { role: 'admin' } }],
  ['any_scope: admin', { 'app.scopes': 'admin', app: { scopes: 'read' } }, 'scope_claims: [app.scopes]'],
  ['required_claims: { /kubernetes.io/namespace: prod }', { kubernetes: { 'io/namespace': 'prod' } }],
  ['required_claims: { /kubernetes.io/namespace: prod }', { '/kubernetes.io/namespace': 'prod' }],
];

const PASSES: Case[] = [
  ['required_claims: { app.role: admin }', { 'app.role': 'admin', app: { name: 'x' } }],
  ['required_claims: { app.role: admin }', { app: { role: ['admin'] } }],
  ['any_scope: admin', { app: { scopes: 'admin' } }, 'scope_claims: [app.scopes]'],
  ['required_claims: { scope: ["read write"] }', { scope: 'write extra read' }],
  ['required_claims: { scp: ["read write", admin] }', { scp: ['admin'] }],
  ['required_claims: { scope: read }', { scope: 'write read' }],
  ['required_claims: { scope: read }', { scope: ['write', 'read'] }],
  ['required_claims: { scope: { all: [read, write] } }', { scope: 'write read' }],
  ['required_claims: { permissions: { all: [a, b] } }', { permissions: ['b', 'c', 'a'] }],
  ['required_claims: { permissions: { all: [a] } }', { permissions: 'a' }],
  ['required_claims: { permissions: [a, b] }', { permissions: ['b'] }],
  ['any_scope: ["read write", admin]', { scope: 'write read' }],
  ['any_scope: ["read write", admin]', { scope: 'admin' }],
  ['any_scope: read', { scp: 'read' }],
  ['any_scope: [read, write], required_scopes: [base]', { scope: 'base write' }],
  [
    'required_scopes: ["manage:all"]',
    { scope: 'openid', permissions: ['manage:all'] },
    'scope_claims: [scope, permissions]',
  ],
  [
    'required_scopes: [a, b, c]',
    { scope: 'a', scp: ['b'], permissions: ['c'] },
    'scope_claims: [scope, scp, permissions]',
  ],
  ['required_claims: { /kubernetes.io/namespace: prod }', { 'kubernetes.io': { namespace: 'prod' } }],
  ['required_claims: [/kubernetes.io/serviceaccount/name]', { 'kubernetes.io': { serviceaccount: { name: 'x' } } }],
  ['required_claims: { "https://x.example/roles": admin }', { 'https://x.example/roles': ['admin'] }],
];

describe('G-16 a demand of several scopes', () => {
  test.each<Case>(REFUSED)('%s is not met by %j', async (narrow, claims, block = '') => {
    expect(await asking(at(narrow, block), claims)).toBe('403');
  });

  test.each<Case>(PASSES)('twin: %s is met by %j', async (narrow, claims, block = '') => {
    expect(await asking(at(narrow, block), claims)).toBe('200 jwt:ada');
  });

  test('the challenge names the scopes', async () => {
    const { port } = await at('any_scope: [read, write]');
    const token = await signedBySecret({ sub: 'ada', aud: 'api', exp: seconds() + 600 });
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { Authorization: `Bearer ${token}` } });
    expect(answer.headers.get('www-authenticate')).toMatch(/error="insufficient_scope", ?scope="read write"/);
  });

  test('holds for introspected tokens, on each route anew', async () => {
    const oauth = `oauth: { introspection_url: "${introspection.origin}/i", client_id: a, client_secret: b, scope_claims: [scope, permissions] }`;
    const ask = async (narrow: string): Promise<string> =>
      (await fronted(frontFile(oauth, `{ oauth: { ${narrow} } }`))).ask({ headers: { Authorization: 'Bearer x' } });
    introspection.answer = json({ active: true, sub: 'ada', scope: 'read', permissions: ['p'], role: ['a', 'b'] });
    expect(await ask('any_scope: [write, "read admin"]')).toBe('403');
    expect(await ask('required_claims: { role: { all: [a, c] } }')).toBe('403');
    expect(await ask('required_claims: { scope: "read write" }')).toBe('403');
    expect(await ask('any_scope: [write, "read p"], required_claims: { role: { all: [a, b] } }')).toBe('200 oauth:ada');
    expect(await ask('required_claims: [role], required_scopes: [p]')).toBe('200 oauth:ada');
  });

  const ISSUER = 'issuer: "https://id.example", jwks_url: "https://id.example/jwks", audience: api';

  test.each([
    ['required_claims: { iss: "https://other.example" }', /no token has it/],
    ['required_claims: { sub: { all: [a, b] } }', /several values of sub/],
    ['required_claims: { roles: { all: [] } }', /empty list/],
    ['required_claims: { roles: { every: [a] } }', /./],
    ['required_claims: { /a~: x }', /JSON pointer/],
    ['scope_claims: []', /empty list/],
  ])('%s matches no token: an error', (option, message) => {
    expect(errorsOf(`jwt: { ${ISSUER}, ${option} }`)).toMatch(message);
    for (const blank of ['[""]', '" "', '{ all: [read, ""] }'])
      expect(errorsOf(`jwt: { ${ISSUER}, required_claims: { scope: ${blank} } }`)).toMatch(/empty scope/);
    expect(errorsOf(`jwt: { ${ISSUER}, required_claims: { scope: ["", read], note: "" } }`)).toBe('');
    expect(errorsOf(`jwt: { ${ISSUER}, required_claims: { iss: "https://id.example", sub: { all: [a] } } }`)).toBe('');
  });
});
