import { compile, errorsOf } from './files.js';

const AUTH = 'middleware: {auth: {api_key: {keys: [{key: k-1234567890abcdef, name: alice}]}, chain: [api_key]}}\n';
const ROUTE = 'routes: [{id: a, path: /a}]\n';
const ENV = {
  N: '7',
  RATE: '100/m',
  ON: 'true',
  OFF: 'false',
  YES: 'yes',
  PORT: '9001',
  TEXT: 'abc',
  FLOAT: '0.5',
  LEADING: '007',
};

describe('numbers and booleans from a variable', () => {
  it.each([
    [
      'rate_limit: {rate: "${N}", burst: "${N}"}',
      (plan: ReturnType<typeof planOf>) => plan.rateLimit?.rate,
      { rate: 7, burst: 7 },
    ],
    ['rate_limit: {rate: "${FLOAT}"}', (plan: ReturnType<typeof planOf>) => plan.rateLimit?.rate, { rate: 0.5 }],
    [
      'rate_limit: {rate: "${RATE}"}',
      (plan: ReturnType<typeof planOf>) => plan.rateLimit?.rate,
      { rate: 100, perMs: 60_000 },
    ],
    ['rate_limit: {rate: "${UNSET:-9}"}', (plan: ReturnType<typeof planOf>) => plan.rateLimit?.rate, { rate: 9 }],
    [
      'rate_limit: {rate: 5, enabled: "${OFF}"}',
      (plan: ReturnType<typeof planOf>) => ({ limit: plan.rateLimit }),
      { limit: undefined },
    ],
    [
      'tracing: {enabled: "${ON}", sample_rate: "${FLOAT}"}',
      (plan: ReturnType<typeof planOf>) => plan.tracing,
      { sampleRate: 0.5 },
    ],
    ['max_path_segments: "${N}"', (plan: ReturnType<typeof planOf>) => ({ most: plan.maxPathSegments }), { most: 7 }],
    [
      'cors: {allowed_origins: ["https://a.example"], max_age: "${N}"}',
      (plan: ReturnType<typeof planOf>) => plan.cors,
      { maxAgeSeconds: 7 },
    ],
    [
      'upstreams: [{name: u, endpoints: [{host: h, port: "${PORT}", weight: "${N}"}]}]',
      (plan: ReturnType<typeof planOf>) => plan.upstreams[0]?.endpoints[0],
      { url: 'http://h:9001', weight: 7 },
    ],
    [
      'listeners: [{address: ":80", max_header_size: "${PORT}"}]',
      (plan: ReturnType<typeof planOf>) => plan.listeners[0],
      { maxHeaderBytes: 9001 },
    ],
    [
      'chaos: {enabled: "${OFF}"}',
      (plan: ReturnType<typeof planOf>) => ({ warnings: plan.warnings.filter(({ code }) => code === 'not_built') }),
      { warnings: [] },
    ],
  ])('%s', (block, read, expected) => {
    const plan = planOf(`${AUTH}${ROUTE}${block}\n`);
    expect(read(plan)).toMatchObject(expected);
  });

  it('holds for the options of an auth method and of a route', () => {
    const auth =
      'middleware: {auth: {basic: {enabled: "${OFF}", users: [{username: a, password_hash: "$2y$10$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1"}]}, ' +
      'jwt: {issuer: "https://i.example", audience: a, require_exp: "${OFF}", jwks_url: "https://i.example/k"}, ' +
      'api_key: {keys: [{key: k-1234567890abcdef, name: a, rate_limit: "${N}"}]}, chain: [jwt, api_key], require_any: "${ON}"}}\n';
    const routes =
      'routes: [{path: /a, priority: "${N}", strip_prefix: "${OFF}", auth: {jwt: "${ON}"}}, {path: /b, auth: {require: "${ON}", methods: [jwt]}}]\n';
    const plan = planOf(`${auth}${routes}`);
    expect(plan.methods.map(({ name }) => name)).toEqual(['jwt', 'api_key']);
    expect(plan.routes.map(({ requirement }) => requirement.kind)).toEqual(['method', 'method']);
    expect(plan.routes[0]?.priority).toBe(7);
  });

  it.each([
    ['rate_limit: {rate: "${TEXT}"}', /must be a number per second/],
    ['rate_limit: {rate: 5, burst: "${FLOAT}"}', /whole number/],
    ['rate_limit: {rate: 5, burst: "${LEADING}"}', /whole number/],
    ['rate_limit: {rate: 5, burst: "1${N}"}', /whole number/],
    ['rate_limit: {rate: 5, burst: "7"}', /whole number/],
    ['rate_limit: {rate: 5, enabled: "${YES}"}', /true or false/],
    ['rate_limit: {rate: 5, enabled: "${N}"}', /true or false/],
  ])('refuses what is none: %s', (block, message) => {
    expect(errorsOf(`${AUTH}${ROUTE}${block}\n`, { env: ENV })).toMatchObject([
      { message: expect.stringMatching(message) as string },
    ]);
  });

  it.each([
    ['auth: "${NONE}"', 'routes[1].auth'],
    ['auth: "no${NE}"', 'routes[1].auth'],
    ['auth: {require: "${OFF}"}', 'routes[1].auth.require'],
    ['auth: {require: "${OFF}", methods: [api_key]}', 'routes[1].auth.require'],
    ['auth: {require: "${OFF}", api_key: true}', 'routes[1].auth.require'],
  ])('opens no route: %s', (auth, path) => {
    const routes = `routes: [{id: a, path: /a}, {id: b, path: /b, ${auth}}]\n`;
    expect(errorsOf(`${AUTH}${routes}`, { env: { ...ENV, NONE: 'none', NE: 'ne' } })).toMatchObject([
      { path, message: expect.stringMatching(/a variable must not open a route/) as string },
    ]);
  });

  it('keeps a text of digits where a text is needed', () => {
    const text = `middleware: {auth: {api_key: {keys: [{key: "\${KEY}", name: "\${N}"}]}, chain: [api_key]}}\n`;
    const { plan } = compile(text, { env: { KEY: '1234567890123456', N: '7' } });
    expect(JSON.stringify(plan.methods[0]?.options)).toContain('"name":"7"');
  });

  it('reports a variable that is not set once', () => {
    expect(errorsOf(`${AUTH}${ROUTE}rate_limit: {rate: "\${GONE}"}\n`)).toMatchObject([
      { code: 'unset_variable', path: 'rate_limit.rate' },
    ]);
  });
});

function planOf(text: string) {
  return compile(text, { env: ENV }).plan;
}

const jwt = (audience: string): string =>
  `middleware: {auth: {jwt: {issuer: "https://i.example", jwks_url: "https://i.example/k", audience: ${audience}}, chain: [jwt]}}\n`;

describe('a variable in another notation', () => {
  it.each([
    '$API_AUD',
    '$(API_AUD)',
    '%API_AUD%',
    '{{ API_AUD }}',
    '{{API_AUD}}',
    '{{ .Values.API_AUD }}',
    '{{ env.API_AUD }}',
    '{{ .Env.API_AUD }}',
    'process.env.API_AUD',
    'env:API_AUD',
    'https://$API_AUD/x',
    'api-$API_AUD',
    '${env:API_AUD}',
    '${env.API_AUD}',
    '${ API_AUD }',
    '${{ API_AUD }}',
    '${{ secrets.API_AUD }}',
  ])('%s hints ${API_AUD}', (written) => {
    const errors = errorsOf(jwt(JSON.stringify(written)), { env: { API_AUD: 'api' } });
    expect(errors).toMatchObject([{ code: 'bad_reference', path: 'middleware.auth.jwt.audience' }]);
    expect(errors[0]?.message).toContain('write ${API_AUD}');
  });

  it.each(['${API_AUD:api}', '${API_AUD-api}', '${API_AUD:=api}'])('%s hints a default', (written) => {
    expect(errorsOf(jwt(JSON.stringify(written)))[0]?.message).toContain('write ${API_AUD:-default}');
  });

  it.each(['US$5', 'a$b', '$', '$5', 'price$', '%7Bapi%7D', '100%', 'https://a.example/{tenant}', 'Pa$$WORD', '$$A'])(
    'twin: %s is a text',
    (written) => {
      expect(errorsOf(jwt(JSON.stringify(written)))).toEqual([]);
    },
  );

  it('of a secret is refused without its name, and a secret that begins with "$" is accepted', () => {
    const keys = (key: string) =>
      `middleware: {auth: {api_key: {keys: [{key: ${JSON.stringify(key)}, name: a}]}, chain: [api_key]}}\n`;
    const errors = errorsOf(keys('$ORDERS_API_KEY'));
    expect(errors).toMatchObject([{ code: 'bad_reference', path: 'middleware.auth.api_key.keys[0].key' }]);
    expect(errors[0]?.message).not.toContain('ORDERS');
    expect(errorsOf(keys('$ecret-of-1234567890'))).toEqual([]);
    expect(errorsOf(keys('pa$WORD-of-1234567890'))).toEqual([]);
  });

  it('twin: texts that are passed on, and regular expressions, may have "$"', () => {
    const route = 'routes: [{path: /a, headers: {X-Currency: "$USD", X-B: "^A$B$"}}]\n';
    const response = 'rate_limit: {rate: 5, response: {body: "$USD and {{.Limit}}", headers: {X-A: $USD}}}\n';
    expect(errorsOf(`${AUTH}${route}${response}`)).toEqual([]);
  });
});
