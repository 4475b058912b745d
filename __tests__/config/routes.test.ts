import { API_KEY, compile, diagnose, errorsOf, JWT, warningsOf } from './files.js';

const AUTH = `middleware: {auth: {jwt: ${JWT}, api_key: ${API_KEY}}}`;
const UPSTREAMS = 'upstreams: [{name: one, endpoints: ["one:80"]}, {name: two, endpoints: ["two:80"]}]';

/** Routes beside two that keep methods and upstreams in use on hosts of their own. */
function fileWith(...routes: string[]): string {
  const rest = [
    '{path: /rest/one, host: rest.test, upstream: one, auth: {methods: [jwt, api_key], require_any: false}}',
    '{path: /rest/two, host: rest.test, upstream: two, auth: {methods: [jwt, api_key], require_any: false}}',
  ];
  return `${AUTH}\nroutes:\n${[...routes, ...rest].map((route) => `  - ${route}\n`).join('')}${UPSTREAMS}\n`;
}

const codesOf = (...routes: string[]) =>
  diagnose(fileWith(...routes)).map(({ level, code, path }) => `${level} ${code} ${path}`);

describe('routes of one host and pattern', () => {
  it.each([
    ['the same twice', '{path: /a, auth: {jwt: true}}', '{path: /a, auth: {jwt: true}}'],
    ['other names of parameters', '{path: "/a/:id", auth: none}', '{path: "/a/{name}", auth: none}'],
    ['a trailing slash', '{path: /a, auth: none}', '{path: /a/, auth: none}'],
    ['an escape', '{path: /a, auth: none}', '{path: /%61, auth: none}'],
    ['the case of the host', '{path: /a, host: A.test, auth: none}', '{path: /a, host: a.test, auth: none}'],
    ['the same conditions', '{path: /a, headers: {x: "1"}, auth: none}', '{path: /a, headers: {X: "1"}, auth: none}'],
    [
      'GET, which covers HEAD',
      '{path: /a, methods: [GET], auth: none}',
      '{path: /a, methods: [HEAD, GET], auth: none}',
    ],
  ])('are an error when they are equal: %s', (_what, first, second) => {
    expect(codesOf(first, second)).toEqual(['error duplicate_route routes[1]']);
  });

  it.each([
    ['methods', '{path: /a, methods: [GET], auth: none}', '{path: /a, methods: [POST], auth: {jwt: true}}'],
    ['methods, the rest after them', '{path: /a, methods: [GET], auth: none}', '{path: /a, auth: {jwt: true}}'],
    [
      'hosts',
      '{path: /a, host: a.test, upstream: one, auth: none, overlap: true}',
      '{path: /a, host: b.test, upstream: one, auth: {jwt: true}}',
    ],
    ['headers, with equal auth', '{path: /a, headers: {x: "1"}, auth: {jwt: true}}', '{path: /a, auth: {jwt: true}}'],
    ['query, with equal auth', '{path: /a, query: {v: "1"}, auth: none}', '{path: /a, query: {v: "2"}, auth: none}'],
  ])('may differ by %s', (_what, first, second) => {
    expect(codesOf(first, second)).toEqual([]);
  });

  it.each([
    ['headers', '{path: /a, headers: {x: "1"}, auth: none}', '{path: /a, auth: {jwt: true}}'],
    ['query', '{path: /a, query: {v: "1"}, auth: {api_key: true}}', '{path: /a, query: {v: "2"}, auth: {jwt: true}}'],
    [
      'headers, some methods in common',
      '{path: /a, methods: [GET], headers: {x: "*"}, auth: none}',
      '{path: /a, auth: {jwt: true}}',
    ],
  ])('may not differ in auth by %s alone: the client would choose', (_what, first, second) => {
    expect(codesOf(first, second)).toEqual(['error client_chooses routes[1]']);
  });

  it.each([
    ['all methods first', '{path: /a, auth: none}', '{path: /a, methods: [POST], auth: {jwt: true}}'],
    ['conditions last', '{path: /a, auth: {api_key: true}}', '{path: /a, headers: {x: "1"}, auth: {jwt: true}}'],
    ['a higher priority', '{path: /a, methods: [POST], auth: {jwt: true}}', '{path: /a, priority: 5, auth: none}'],
    [
      'a narrower need',
      '{path: /a, auth: {jwt: true}}',
      '{path: /a, methods: [GET], auth: {jwt: {required_scopes: [a]}}}',
    ],
  ])('are an error where a weaker one hides a stricter: %s', (_what, first, second) => {
    expect(codesOf(first, second)).toEqual([expect.stringMatching(/^error route_hidden/)]);
  });

  it('are a warning where a stricter one hides a weaker', () => {
    expect(codesOf('{path: /a, auth: {jwt: true}}', '{path: /a, methods: [GET], auth: none}')).toEqual([
      'warning route_hidden routes[1]',
    ]);
  });

  it('are a warning where several together hide an equal one', () => {
    const [get, head, late] = ['[GET]', '[POST]', '[GET, POST]'].map(
      (methods) => `{path: /a, methods: ${methods}, auth: none}`,
    );
    expect(codesOf(get ?? '', head ?? '', late ?? '')).toEqual(['warning route_hidden routes[2]']);
  });
});

describe('patterns', () => {
  it('hide others by their priority: an error where a stricter one is hidden', () => {
    expect(codesOf('{path: /*, priority: 9, auth: none}', '{path: /internal/*, auth: {jwt: true}}')).toEqual(
      ['error route_hidden routes[1]'].concat('error route_hidden routes[2]', 'error route_hidden routes[3]'),
    );
  });

  it('are ordered by how specific they are if they have no priority', () => {
    expect(codesOf('{path: /*, auth: none}', '{path: /internal/*, auth: {jwt: true}}')).toEqual([
      'warning public_catch_all routes[0]',
    ]);
    expect(codesOf('{path: /internal/*, auth: {jwt: true}}', '{path: /internal/health, auth: none}')).toEqual([]);
  });

  it('warn where a stricter one hides a weaker', () => {
    const hidden = ['{path: /a/*, priority: 9, auth: {jwt: true}}', '{path: /a/b, auth: none}'] as const;
    expect(codesOf(...hidden)).toEqual(['warning route_hidden routes[1]']);
  });

  it('of other hosts are not hidden', () => {
    expect(
      codesOf(
        '{path: /*, host: a.test, priority: 9, upstream: one, auth: none, overlap: true}',
        '{path: /a, host: b.test, upstream: one, auth: {jwt: true}}',
      ),
    ).toEqual([]);
    expect(
      codesOf(
        '{path: /*, host: "*.test.dev", priority: 9, upstream: one, auth: none, overlap: true}',
        '{path: /a, host: a.test.dev, upstream: one, auth: {jwt: true}}',
      ),
    ).toEqual(['error route_hidden routes[1]']);
  });
});

describe('what the host application receives', () => {
  const guarded = '{path: /admin/*, auth: {jwt: true}}';

  it('does not depend on the Host that a client makes up', () => {
    expect(codesOf(guarded, '{path: /*, host: "*.test.dev", auth: none}')).toEqual(['error route_overlap routes[1]']);
    expect(codesOf(guarded, '{path: /public/*, host: "*.test.dev", auth: none}')).toEqual([]);
  });
});

describe('what an upstream receives', () => {
  const guarded = '{path: /internal/*, upstream: one, auth: {jwt: true}}';

  it.each([
    ['a stripped prefix', '{path: /public/*, upstream: one, strip_prefix: true, auth: none}'],
    ['an added prefix', '{path: /x/*, upstream: one, strip_prefix: true, add_prefix: /internal, auth: none}'],
    ['a rewritten path', '{path: /x, upstream: one, rewrite: {path: /internal/keys}, auth: none}'],
    ['a rewritten path in another case', '{path: /x, upstream: one, rewrite: {path: /Internal/keys}, auth: none}'],
    ['another host', '{path: /*, host: a.test, upstream: one, auth: none}'],
    ['another method', '{path: /public/*, upstream: one, strip_prefix: true, auth: {api_key: true}}'],
    ['an optional route', '{path: /public/*, upstream: one, strip_prefix: true, auth: {jwt: true, require: false}}'],
  ])('may not come by a weaker route: %s', (_what, weaker) => {
    expect(errorsOf(fileWith(weaker, guarded))[0]).toMatchObject({ code: 'route_overlap', path: 'routes[0]' });
    expect(errorsOf(fileWith(weaker.replace(/}$/, ', overlap: true}'), guarded))).toEqual([]);
  });

  it.each([
    ['another upstream', '{path: /public/*, upstream: two, strip_prefix: true, auth: none}', ', overlap: true'],
    ['paths apart', '{path: /public/*, upstream: one, auth: none}', ''],
    ['a prefix of its own', '{path: /x/*, upstream: one, strip_prefix: true, add_prefix: /y, auth: none}', ''],
    ['equal auth', '{path: /x/*, upstream: one, strip_prefix: true, add_prefix: /internal, auth: {jwt: true}}', ''],
    ['a path chosen on purpose', '{path: /internal/health, upstream: one, auth: none}', ''],
    ['a host and path chosen on purpose', '{path: /internal/health, host: a.test, upstream: one, auth: none}', ''],
  ])('may come by %s', (_what, route, extra) => {
    expect(errorsOf(fileWith(route.replace(/}$/, `${extra}}`), guarded))).toEqual([]);
  });
});

it('compares both ways: an alias that asks for more makes the plain way the weaker one', () => {
  const plain = '{path: /internal/*, upstream: one, auth: {jwt: true}}';
  const alias =
    '{path: /x/*, upstream: one, strip_prefix: true, add_prefix: /internal, auth: {jwt: {required_scopes: [a]}}}';
  expect(errorsOf(fileWith(alias, plain))).toMatchObject([{ code: 'route_overlap', path: 'routes[1]' }]);
  expect(errorsOf(fileWith(alias, plain.replace(/}$/, ', overlap: true}')))).toEqual([]);
});

describe('upstreams of routes', () => {
  it('must be known', () => {
    expect(errorsOf(fileWith('{path: /a, upstream: onne, auth: none}'))).toMatchObject([
      {
        code: 'unknown_upstream',
        path: 'routes[0].upstream',
        message: expect.stringContaining('did you mean "one"') as string,
      },
    ]);
  });

  it('are the host application where the file has none at all', () => {
    const file = 'routes: [{path: /a, upstream: backend, auth: none}]';
    expect(compile(file).plan.routes[0]).not.toHaveProperty('upstream');
    expect(warningsOf(file)).toMatchObject([{ code: 'no_upstreams' }]);
    expect(errorsOf(`listeners: [{address: ":80"}]\n${file}`, { mode: 'serve' })).toMatchObject([
      { code: 'unknown_upstream' },
    ]);
  });

  it('are a warning when no route uses them', () => {
    const file = `routes: [{path: /a, auth: none, upstream: one}]\n${UPSTREAMS}`;
    expect(warningsOf(file)).toMatchObject([{ code: 'unused', path: 'upstreams[1]' }]);
  });
});

describe('a gateway of its own', () => {
  const serve = { mode: 'serve' } as const;
  const file =
    'listeners: [{address: ":80"}]\nroutes: [{path: /a, auth: none, upstream: one}]\nupstreams: [{name: one, endpoints: ["one:80"]}]';

  it('needs listeners, routes, and an upstream for each route', () => {
    expect(errorsOf(file, serve)).toEqual([]);
    expect(errorsOf(file.replace(/^listeners.*\n/, ''), serve)[0]?.message).toMatch(/listeners is required/);
    expect(errorsOf(file.replace(/\nroutes.*/, ''), serve)[0]?.message).toMatch(/routes is required/);
    expect(errorsOf(file.replace(', upstream: one', ''), serve)[0]).toMatchObject({
      code: 'missing',
      path: 'routes[0]',
    });
  });

  it('refuses a route whose certificates no listener asks for', () => {
    const guarded = file.replace('auth: none', 'auth: {mtls: true}');
    const methods = 'middleware: {auth: {mtls: {}}}\n';
    expect(errorsOf(methods + guarded, serve)).toMatchObject([{ code: 'unreachable_method', path: 'routes[0]' }]);
    // As middleware, the host's server performs the TLS handshake. Its authorities are unknown here.
    expect(errorsOf(methods + guarded)).toMatchObject([{ code: 'method_error', path: 'middleware.auth.mtls' }]);
  });
});

it('says of an open route that does not say so that it is public, and fails it with strict', () => {
  const file = 'routes: [{path: /a}, {path: /b, auth: none}]';
  expect(warningsOf(file)).toMatchObject([
    { code: 'public_route', path: 'routes[0]', message: expect.stringContaining('PUBLIC') as string },
  ]);
  expect(errorsOf(file, { strict: true })).toMatchObject([{ code: 'public_route', path: 'routes[0]' }]);
  expect(errorsOf(file.replace('/a}', '/a, auth: none}'), { strict: true })).toEqual([]);
});

it('compiles two thousand routes', () => {
  const routes = Array.from({ length: 2_000 }, (_, i) => {
    const auth = ['none', '{jwt: true}', '{methods: [jwt, api_key]}'][i % 3] as string;
    const rewriting = i % 2 ? `, strip_prefix: true, add_prefix: /area${i}` : '';
    return `{path: "/area${i}/:id/*", host: h${i % 7}.test, priority: ${i % 5}, upstream: one, auth: ${auth}${rewriting}}`;
  });
  const begun = performance.now();
  const { plan } = compile(fileWith(...routes));
  process.stdout.write(`2,000 routes compiled in ${Math.round(performance.now() - begun)} ms\n`);
  expect(plan.routes).toHaveLength(2_002);
});
