import { compileFile } from '../../src/config/index.js';
import { compile, diagnose } from './files.js';

const FILE = `
middleware:
  auth:
    api_key: { keys: [{ key: sk_live_0123456789abcdef, name: alice }] }
routes:
  - { path: /a, auth: { api_key: true } }
cors:
`;

const block = (lines: string): string => `${FILE}${lines.replace(/^/gm, '  ')}\n`;

const planned = (lines: string) => compile(block(lines)).plan.cors;

it('means the same in both spellings', () => {
  const first = planned(`allowed_origins: [https://app.example.com, "https://*.example.com"]
allowed_methods: [GET, PUT]
allowed_headers: [X-One]
exposed_headers: [X-Two]
allow_credentials: true
max_age: 10m`);
  expect(first).toEqual({
    origins: ['https://app.example.com', 'https://*.example.com'],
    methods: ['GET', 'PUT'],
    headers: ['X-One'],
    exposedHeaders: ['X-Two'],
    credentials: true,
    maxAgeSeconds: 600,
  });
  const second = planned(`allow_origins: [https://app.example.com, "https://*.example.com"]
allow_methods: [GET, PUT]
allow_headers: [X-One]
expose_headers: [X-Two]
allow_credentials: true
max_age: 600`);
  expect(second).toEqual(first);
});

it('allows little where it says little: what browsers allow unasked, and the credentials of the file', () => {
  expect(planned('allowed_origins: ["*"]')).toEqual({
    origins: ['*'],
    methods: ['GET', 'HEAD', 'POST'],
    headers: ['Content-Type', 'x-api-key'],
    exposedHeaders: [],
    credentials: false,
  });
});

it('names the headers of credentials beside "*", because "*" does not include Authorization', () => {
  expect(planned('allowed_origins: ["*"]\nallowed_headers: ["*"]')?.headers).toEqual(['*', 'x-api-key']);
});

it('is nothing where it is off, whatever else it says', () => {
  expect(planned('enabled: false\nallowed_origins: ["null"]')).toBeUndefined();
  expect(compile(FILE.replace('cors:\n', '')).plan.cors).toBeUndefined();
});

it('is no warning any more', () => {
  expect(diagnose(block('allowed_origins: [https://a.example.com]'))).toEqual([]);
});

const wrong: readonly (readonly [lines: string, code: string, path: string, message: RegExp])[] = [
  ['enabled: true', 'missing', 'cors', /needs allowed_origins/],
  ['allowed_origins: [§"null"]', 'unsafe_cors', 'cors.allowed_origins[0]', /sandboxed/],
  ['allow_origins: [https://a.example.com, §"null"]', 'unsafe_cors', 'cors.allow_origins[1]', /sandboxed/],
  ['allowed_origins: [§"*"]\nallow_credentials: true', 'unsafe_cors', 'cors.allowed_origins[0]', /act for its visitor/],
  ['allowed_origins: [§"*", https://a.example.com]', 'wrong_value', 'cors.allowed_origins[0]', /mean nothing/],
  ...['https://*', '*.com', 'https://example.com*', 'https://*.com', 'https://*.co.uk', 'https://*.github.io'].map(
    (origin) =>
      [
        `allowed_origins: [§"${origin}"]`,
        'unsafe_cors',
        'cors.allowed_origins[0]',
        /subdomains of one of your sites/,
      ] as const,
  ),
  ...['app.example.com', 'https://app.example.com/', 'https://App.example.com', 'https://app.example.com:443'].map(
    (origin) => [`allowed_origins: [§"${origin}"]`, 'wrong_value', 'cors.allowed_origins[0]', /an origin as/] as const,
  ),
  ['allowed_origins: §[]', 'wrong_value', 'cors.allowed_origins', /empty list/],
  ['allowed_origins: §"https://a.example.com"', 'wrong_type', 'cors.allowed_origins', /must be a list/],
  ['allowed_origins: ["*"]\n§allow_origins: ["*"]', 'two_sources', 'cors.allow_origins', /keep one/],
  ['allowed_origins: ["*"]\nexpose_headers: [A]\nexposed_headers: [A]', 'two_sources', 'cors.expose_headers', /keep/],
  ['allowed_origins: ["*"]\nallowed_methods: [§get]', 'wrong_value', 'cors.allowed_methods[0]', /upper case/],
  ['allowed_origins: ["*"]\nallowed_methods: [§TRACE]', 'wrong_value', 'cors.allowed_methods[0]', /never served/],
  ['allowed_origins: ["*"]\nallowed_headers: [§X-*]', 'wrong_value', 'cors.allowed_headers[0]', /header name/],
  ['allowed_origins: ["*"]\nallowed_headers: [§"a b"]', 'wrong_value', 'cors.allowed_headers[0]', /header name/],
  ['allowed_origins: ["*"]\nmax_age: §-1', 'wrong_value', 'cors.max_age', /at least 0/],
  ['allowed_origins: ["*"]\nmax_age: §10', '', '', /^$/],
  ['allowed_origins: ["*"]\nmax_age: §forever', 'wrong_value', 'cors.max_age', /duration/],
  ['allowed_origins: ["*"]\nmax_age: §2d', 'wrong_value', 'cors.max_age', /between/],
  ['allowed_origins: ["*"]\n§allowed_origin: ["*"]', 'unknown_key', 'cors.allowed_origin', /did you mean/],
  ...['allowed_methods', 'allow_methods', 'allowed_headers', 'allow_headers', 'exposed_headers', 'expose_headers'].map(
    (key) =>
      [
        `allowed_origins: [https://a.example.com]\nallow_credentials: true\n${key}: [§"*"]`,
        'unsafe_cors',
        `cors.${key}[0]`,
        /for a name/,
      ] as const,
  ),
];

it.each(wrong)('reports the mistake at its position: %s', (lines, code, path, message) => {
  const marked = block(lines);
  const found = diagnose(marked.replace('§', ''));
  if (code === '') {
    expect(found).toEqual([]);
    return;
  }
  expect(found).toMatchObject([{ level: 'error', code, path }]);
  expect(found[0]?.message).toMatch(message);
  if (!marked.includes('§')) return;
  const before = marked.slice(0, marked.indexOf('§')).split('\n');
  expect(found[0]).toMatchObject({ line: before.length, column: (before.at(-1)?.length ?? 0) + 1 });
});

it('warns where an origin without encryption may act for its visitor, but on the own machine', () => {
  const withCredentials = (origin: string) =>
    diagnose(block(`allowed_origins: [${origin}]\nallow_credentials: true`)).map(({ code }) => code);
  expect(withCredentials('http://app.example.com')).toEqual(['unencrypted_origin']);
  expect(withCredentials('"http://*.example.com"')).toEqual(['unencrypted_origin']);
  for (const origin of ['https://app.example.com', 'http://localhost:3000', 'http://127.0.0.1:3000'])
    expect(withCredentials(origin)).toEqual([]);
});

it('is read of JSON as well', () => {
  const text = '{"routes": [{"path": "/a", "auth": "none"}], "cors": {"allowed_origins": ["*"], "max_age": 5}}';
  expect(compileFile({ text, file: 'loom.json' }, { mode: 'middleware' }).plan.cors?.maxAgeSeconds).toBe(5);
});
