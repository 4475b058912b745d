import { describe as inWords } from '../../src/auth/requirement.js';
import type { PlannedRoute } from '../../src/config/plan-types.js';
import { API_KEY, BASIC, compile, diagnose, errorsOf, JWT, OAUTH } from './files.js';

const METHODS = `jwt: ${JWT}, api_key: ${API_KEY}, oauth: {enabled: false, client_id: a, client_secret: b-123456, issuer: "https://x.example"}`;
const MTLS = 'mtls: {ca: "x"}';

/** One route with this `auth` beside one that keeps the methods in use. */
function fileWith(auth: string, global = METHODS): string {
  return `middleware: {auth: {${global}}}
routes:
  - {path: /a, id: a${auth === '' ? '' : `, auth: ${auth}`}}
  - {path: /b, auth: {methods: [jwt, api_key]}}
`;
}

function routeOf(auth: string, global?: string, strategies: string[] = []): PlannedRoute {
  return compile(fileWith(auth, global), { strategies }).plan.routes[0] as PlannedRoute;
}

describe('a route', () => {
  it.each([
    ['', 'PUBLIC', false],
    ['none', 'PUBLIC', true],
    ['{require: false}', 'PUBLIC', true],
    ['{jwt: true}', 'jwt', false],
    ['{jwt: true, require: true}', 'jwt', false],
    ['{jwt: true, api_key: true, require_any: true}', 'jwt or api_key', false],
    ['{api_key: true, jwt: true, require_any: true}', 'api_key or jwt', false],
    ['{jwt: true, api_key: true, require_any: false}', 'jwt and api_key', false],
    ['{require: true, methods: [jwt, api_key]}', 'jwt or api_key', false],
    ['{methods: [api_key, jwt]}', 'api_key or jwt', false],
    ['{methods: [jwt, api_key], require_any: false}', 'jwt and api_key', false],
    ['{methods: [jwt]}', 'jwt', false],
    ['{require: false, methods: [jwt, api_key]}', 'optional (jwt or api_key)', false],
    ['{jwt: true, require: false}', 'optional jwt', false],
    ['{jwt: {required_scopes: [read]}}', 'jwt (narrowed)', false],
    ['{methods: [jwt, api_key], narrow: {api_key: {names: [alice]}}}', 'jwt or api_key (narrowed)', false],
  ])('with auth %s requires %s', (auth, words, declaredOpen) => {
    const route = routeOf(auth);
    expect(inWords(route.requirement)).toBe(words);
    expect(route.declaredOpen).toBe(declaredOpen);
  });

  it('keeps what its narrowing says', () => {
    expect(routeOf('{api_key: {names: [alice]}}').requirement).toEqual({
      kind: 'method',
      name: 'api_key',
      narrow: { names: ['alice'] },
    });
  });

  it('stops at a wrong credential where it says so', () => {
    expect(routeOf('{methods: [jwt, api_key], on_invalid: stop}').requirement).toMatchObject({
      kind: 'any',
      onInvalid: 'stop',
    });
    expect(routeOf('{methods: [jwt, api_key]}').requirement).not.toHaveProperty('onInvalid');
  });

  it.each([
    ['{}', /must not be empty/],
    ['null', /say "auth: none"/],
    ['false', /say "auth: none"/],
    ['true', /say "auth: none"/],
    ['0', /say "auth: none"/],
    ['[jwt]', /say "auth: none"/],
    ['None', /say "auth: none"/],
    ['public', /say "auth: none"/],
    ['jwt', /say "auth: none"/],
    ['""', /say "auth: none"/],
    ['{methods: []}', /empty list/],
    ['{require: false, methods: []}', /empty list/],
    ['{methods: jwt}', /must be a list/],
    ['{methods: [jwt, jwt]}', /twice/],
    ['{methods: [jwtt]}', /unknown method; did you mean "jwt"/],
    ['{jwtt: true}', /unknown key; did you mean "jwt"/],
    ['{basic: true}', /basic is not configured/],
    ['{methods: [basic]}', /basic is not configured/],
    ['{oauth: true}', /oauth is disabled/],
    ['{methods: [jwt, oauth]}', /oauth is disabled/],
    ['{jwt: false}', /false opens nothing/],
    ['{jwt: null}', /true or a mapping/],
    ['{jwt: yes}', /true or a mapping/],
    ['{jwt: {}}', /write true/],
    ['{jwt: {audiences: [a]}}', /did you mean "audience"/],
    ['{api_key: {names: [carol]}}', /no key is named "carol"/],
    ['{jwt: true, api_key: true}', /need require_any/],
    ['{jwt: true, methods: [api_key]}', /beside methods/],
    ['{methods: [jwt], narrow: {api_key: {names: [alice]}}}', /not among methods/],
    ['{methods: [jwt], narrow: {}, requier: true}', /did you mean "require"/],
    ['{jwt: true, narrow: {jwt: {audience: a}}}', /beside methods/],
    ['{require: ture}', /true or false/],
    ['{require: "true"}', /true or false/],
    ['{require: null}', /true or false/],
    ['{require_any: true}', /means nothing without methods/],
    ['{require: false, require_any: true}', /means nothing without methods/],
    ['{require: true}', /several methods are enabled \(jwt, api_key\)/],
    ['{plugin: guard}', /unknown plugin/],
    ['{guard: true}', /unknown key/],
    ['{methods: [jwt, api_key], require_any: false, on_invalid: stop}', /means nothing where all/],
  ])('is not opened by auth %s: an error', (auth, message) => {
    const errors = errorsOf(fileWith(auth));
    expect(errors.map((each) => each.message).join('\n')).toMatch(message);
    expect(errors.every(({ path }) => path.startsWith('routes[0].auth'))).toBe(true);
  });

  it('that requires something unsaid takes the one enabled method', () => {
    const file = `middleware: {auth: {jwt: ${JWT}}}\nroutes: [{path: /a, auth: {require: true}}]`;
    expect(compile(file).plan.routes[0]?.requirement).toEqual({ kind: 'method', name: 'jwt' });
    const none = 'routes: [{path: /a, auth: {require: true}}]';
    expect(errorsOf(none)[0]?.message).toMatch(/no method is enabled/);
  });
});

describe('the chain', () => {
  const chained = `${METHODS}, chain: [jwt, api_key], require_any: true`;

  it('protects every route that does not say otherwise, and what no route matches', () => {
    const { plan, warnings } = compile(fileWith('', chained));
    expect(inWords((plan.routes[0] as PlannedRoute).requirement)).toBe('jwt or api_key');
    expect(plan.unmatched && inWords(plan.unmatched)).toBe('jwt or api_key');
    expect(warnings.map(({ code }) => code)).not.toContain('public_route');
  });

  it('gives way to a route that says otherwise', () => {
    expect(routeOf('none', chained)).toMatchObject({ requirement: { kind: 'open' }, declaredOpen: true });
    expect(inWords(routeOf('{api_key: true}', chained).requirement)).toBe('api_key');
  });

  it('is what `require: true` alone means', () => {
    expect(inWords(routeOf('{require: true}', chained).requirement)).toBe('jwt or api_key');
  });

  it.each([
    ['chain: [jwt, api_key], require_any: true', 'jwt or api_key'],
    ['chain: [jwt, api_key], require_any: false', 'jwt and api_key'],
    ['chain: [jwt]', 'jwt'],
    ['chain: [jwt], require_any: false', 'jwt'],
  ])('%s means %s', (chain, words) => {
    expect(inWords(routeOf('', `${METHODS}, ${chain}`).requirement)).toBe(words);
  });

  it('may stop at a wrong credential', () => {
    const route = routeOf('', `${METHODS}, chain: [jwt, api_key], require_any: true, on_invalid: stop`);
    expect(route.requirement).toMatchObject({ kind: 'any', onInvalid: 'stop' });
  });

  it.each([
    ['chain: [jwt, api_key]', /needs require_any/],
    ['chain: []', /empty list/],
    ['chain: null', /must be a list/],
    ['chain: jwt', /must be a list/],
    ['chain: [jwt, jwt], require_any: true', /twice/],
    ['chain: [jwt, apikey], require_any: true', /did you mean "api_key"/],
    ['chain: [jwt, oauth], require_any: true', /disabled/],
    ['chain: [basic]', /not configured/],
    ['require_any: true', /nothing without chain/],
    ['on_invalid: stop', /nothing without chain/],
    ['chain: [jwt, api_key], require_any: false, on_invalid: stop', /nothing where all/],
    ['plugin: guard', /unknown plugin/],
    ['chian: [jwt]', /did you mean "chain"/],
  ])('%s is an error, once', (chain, message) => {
    const errors = errorsOf(fileWith('', `${METHODS}, ${chain}`));
    expect(errors).toHaveLength(1);
    expect(errors[0]?.message).toMatch(message);
  });
});

describe('a middleware without routes', () => {
  it.each([
    [`jwt: ${JWT}`, 'jwt'],
    [`jwt: ${JWT}, api_key: ${API_KEY}, chain: [api_key, jwt], require_any: true`, 'api_key or jwt'],
    [
      `jwt: ${JWT}, basic: {enabled: false, users: [{username: a, password_hash: "$2y$10$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1"}]}`,
      'jwt',
    ],
  ])('with %s requires %s of every request', (auth, words) => {
    const { plan } = compile(`middleware: {auth: {${auth}}}`);
    expect(plan.unmatched && inWords(plan.unmatched)).toBe(words);
  });

  it.each([
    ['middleware: {auth: {jwt: ' + JWT + ', api_key: ' + API_KEY + '}}', /several methods are enabled/],
    ['rate_limit: {rate: 5}', /no method is enabled/],
    ['middleware: {auth: {jwt: {enabled: false}}}', /no method is enabled/],
  ])('is an error where it is not said what: %s', (file, message) => {
    expect(errorsOf(file).map((each) => each.message)).toEqual([expect.stringMatching(message)]);
  });
});

describe('methods that nothing requires', () => {
  const open = 'routes: [{path: /a, auth: none}]';

  it('are an error where no route requires anything: `enabled` alone protects nothing', () => {
    expect(errorsOf(`middleware: {auth: {jwt: ${JWT}}}\n${open}`)).toMatchObject([
      { code: 'nothing_required', path: 'middleware.auth', message: expect.stringContaining('jwt') as string },
    ]);
    expect(errorsOf(open)).toEqual([]);
  });

  it('are a warning where others are required', () => {
    const file = `middleware: {auth: {jwt: ${JWT}, api_key: ${API_KEY}, oauth: ${OAUTH}}}\nroutes: [{path: /a, auth: {jwt: true}}]`;
    expect(diagnose(file)).toMatchObject([
      { level: 'warning', code: 'unused', path: 'middleware.auth.api_key' },
      { level: 'warning', code: 'unused', path: 'middleware.auth.oauth' },
    ]);
  });
});

describe('a listener that asks for certificates', () => {
  const listener = (clientAuth: string) => `listeners:
  - address: ":8443"
    tls: {cert_file: a.pem, key_file: b.pem, ${clientAuth === 'none' ? '' : 'ca_file: c.pem, '}client_auth: ${clientAuth}}
`;

  it.each(['request', 'require', 'verify'])('enables mtls with client_auth: %s', (clientAuth) => {
    const { plan } = compile(`${listener(clientAuth)}routes: [{path: /a, auth: {mtls: true}}]`);
    expect(plan.methods.map(({ name }) => name)).toEqual(['mtls']);
  });

  it('does not enable it with client_auth: none', () => {
    expect(errorsOf(`${listener('none')}routes: [{path: /a, auth: {mtls: true}}]`)[0]?.message).toMatch(
      /mtls is not configured/,
    );
  });

  it('does not enable what the file disables', () => {
    const file = `${listener('require')}middleware: {auth: {mtls: {enabled: false}}}\nroutes: [{path: /a, auth: {mtls: true}}]`;
    expect(errorsOf(file)[0]?.message).toMatch(/mtls is disabled/);
  });

  it('protects open routes by itself only if every connection needs a certificate', () => {
    const open = 'routes: [{path: /a, upstream: u, auth: none}]\nupstreams: [{name: u, endpoints: ["u:80"]}]';
    const serve = { mode: 'serve' } as const;
    expect(errorsOf(`${listener('require')}${open}`, serve)).toEqual([]);
    const refused = [{ code: 'nothing_required' }];
    expect(errorsOf(`${listener('request')}${open}`, serve)).toMatchObject(refused);
    expect(errorsOf(`${listener('require')}  - address: ":8080"\n${open}`, serve)).toMatchObject(refused);
    // As middleware the host listens, and asks for nothing.
    expect(errorsOf(`${listener('require')}${open}`)).toMatchObject(refused);
  });
});

describe('strategies of the host', () => {
  const options = { strategies: ['saml'] };

  it('stand in chain, in methods and as a key of auth', () => {
    const file = `middleware: {auth: {jwt: ${JWT}, chain: [jwt, saml], require_any: true}}
routes: [{path: /a}, {path: /b, auth: {saml: true}}, {path: /c, auth: {methods: [saml, jwt]}}]`;
    const { plan } = compile(file, options);
    expect(plan.routes.map(({ requirement }) => inWords(requirement))).toEqual(['jwt or saml', 'saml', 'saml or jwt']);
    expect(plan.methods).toMatchObject([
      { name: 'jwt', type: 'jwt' },
      { name: 'saml', type: 'strategy', places: [] },
    ]);
  });

  it('are unknown where the host registers none', () => {
    expect(errorsOf('routes: [{path: /a, auth: {saml: true}}]')[0]?.message).toMatch(/unknown key/);
    expect(compile('routes: [{path: /a, auth: {saml: true}}]', options).plan.routes).toHaveLength(1);
  });

  it('are what is required where the file enables nothing else', () => {
    const file = 'routes: [{path: /a, auth: {require: true}}]';
    expect(compile(file, options).plan.routes[0]?.requirement).toEqual({ kind: 'method', name: 'saml' });
    const ours = `middleware: {auth: {jwt: ${JWT}}}\n${file}`;
    expect(compile(ours, options).plan.routes[0]?.requirement).toEqual({ kind: 'method', name: 'jwt' });
    expect(errorsOf(file, { strategies: ['saml', 'github'] })[0]?.message).toMatch(/several methods are enabled/);
  });

  it('cannot be narrowed', () => {
    expect(errorsOf('routes: [{path: /a, auth: {saml: {names: [a]}}}]', options)[0]?.message).toMatch(
      /cannot be narrowed/,
    );
  });

  it.each(['jwt', 'mtls', 'none', 'require', 'methods'])('cannot take the name %s', (name) => {
    expect(() => compile('routes: [{path: /a, auth: none}]', { strategies: [name] })).toThrow(TypeError);
  });
});

it('shows no secret of a method when a plan is printed', () => {
  const { plan } = compile(
    `middleware: {auth: {api_key: ${API_KEY}, basic: ${BASIC}}}\nroutes: [{path: /a, auth: {methods: [api_key, basic]}}]`,
  );
  expect(JSON.stringify(plan)).not.toContain('k-1234567890abcdef');
  expect(Object.keys(plan.methods[0] ?? {})).not.toContain('options');
  expect(plan.methods[0]?.options).toMatchObject({ keys: [{ key: 'k-1234567890abcdef' }, {}] });
});

it('names mtls with a block as well', () => {
  expect(errorsOf(`middleware: {auth: {${MTLS}}}\nroutes: [{path: /a, auth: {mtls: true}}]`)[0]?.path).toBe(
    'middleware.auth.mtls.ca_file',
  );
});
