import { errorsOf } from './files.js';

const path = (text: string): string => `routes: [{path: ${JSON.stringify(text)}, auth: none}]\n`;

it.each([
  ['^/api/.*$', '"/api/*"'],
  ['^/api', '"/api"'],
  ['~ ^/api/.*', '"/api/*"'],
  ['~* ^/api/', '"/api/*" is everything'],
  ['/api/.*', '"/api/*"'],
  ['/api/(.*)', '"/api/*"'],
  ['^/api(/.*)?$', '"/api/*"'],
  ['^/users/(\\d+)$', '"/users/:id"'],
  ['^/users/(?<user>[0-9]+)/orders$', '"/users/:user/orders"'],
  ['/users/[0-9]+', '"/users/:id"'],
  ['^\\/v1\\/a$', '"/v1/a"'],
  ['/(a|b)/c?)', 'regular expression'],
  ['/api/**', '"/api/*"'],
  ['/api*', '"/api/*"'],
  ['/users/<id>', '"/users/:id"'],
  ['/users/<int:id>', '"/users/:id"'],
  ['/users/[id]', '"/users/:id"'],
  ['api/*', '"/api/*"'],
  ['*', '"/*"'],
  ['https://a.example/x', '"host"'],
])('%s says how to write a pattern', (written, hint) => {
  const errors = errorsOf(path(written));
  expect(errors).toMatchObject([{ path: 'routes[0].path', code: 'wrong_value' }]);
  expect(errors[0]?.message).toContain(hint);
});

it.each([
  '/api',
  '/api/*',
  '/a.b/c-d_e~f',
  '/:id/x',
  '/{id}',
  '/a/*/b',
  '/@scope/name',
  "/it's",
  '/a+b',
  '/a$b',
  '/a(1)/b',
  '/',
])('twin: %s is a pattern', (written) => {
  expect(errorsOf(path(written))).toEqual([]);
});

const jwt = (options: string): string =>
  `middleware: {auth: {jwt: {issuer: "https://i.example", audience: a, jwks_url: "https://i.example/k", ${options}}, chain: [jwt]}}\n`;

it.each([
  'required_claims: {email: "*@example.com"}',
  'required_claims: {email: "*"}',
  'required_claims: {roles: [user, "admin*"]}',
  'required_claims: {permissions: {all: ["read:*"]}}',
  'required_claims: {sub: "^auth0.+$"}',
])('a wildcard that is compared literally is an error: %s', (options) => {
  expect(errorsOf(jwt(options))).toMatchObject([
    {
      path: expect.stringMatching(/^middleware\.auth\.jwt\.required_claims/) as string,
      message: expect.stringMatching(/literally/) as string,
    },
  ]);
});

it('also for an audience, an issuer, and on a route', () => {
  const of = (issuer: string, audience: string) =>
    `middleware: {auth: {jwt: {issuer: "${issuer}", audience: "${audience}", jwks_url: "https://i.example/k"}, chain: [jwt]}}\n`;
  expect(errorsOf(of('https://i.example', 'https://*.example'))).toMatchObject([
    { path: 'middleware.auth.jwt.audience' },
  ]);
  expect(errorsOf(of('https://*.example', 'a'))).toMatchObject([{ path: 'middleware.auth.jwt.issuer' }]);
  const route = `${jwt('leeway: 5s')}routes: [{path: /a, auth: {jwt: {required_claims: {email: "*@example.com"}}}}]\n`;
  expect(errorsOf(route)).toMatchObject([{ message: expect.stringMatching(/literally/) as string }]);
});

it('twin: plain values, and a list of claims that must be present', () => {
  for (const options of [
    'required_claims: {groups: [/org/admins, /a/], email_verified: true}',
    'required_claims: [email]',
  ])
    expect(errorsOf(jwt(options))).toEqual([]);
});
