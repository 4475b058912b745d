import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, formatDiagnostic } from '../../src/config/diagnostics.js';
import { compileFile } from '../../src/config/index.js';
import { compile, diagnose, errorsOf, JWT, warningsOf } from './files.js';

/** `§` marks the place that the error names. */
type Case = readonly [snippet: string, code: string, path: string, message: RegExp];

const ROUTE = 'routes:\n  - path: /a\n    auth: none\n';
const KEYS = 'middleware:\n  auth:\n    api_key:\n      keys:\n';
const inRoute = (line: string): string => `${ROUTE}    ${line}\n`;

const SYNTAX: readonly Case[] = [
  ['§', 'empty', '', /is empty/],
  ['§# nothing but words\n', 'empty', '', /is empty/],
  ['---§\n', 'wrong_type', '', /must be a mapping/],
  ['§[]', 'wrong_type', '', /must be a mapping/],
  ['§loom', 'wrong_type', '', /must be a mapping/],
  [`${ROUTE}§---\n${ROUTE}`, 'several_documents', '', /several documents/],
  ['routes:\n§\t- path: /a\n', 'tab_as_indent', '', /use spaces/],
  [`${ROUTE}cache: §!!js/function x\n`, 'tag_resolve_failed', '', /unknown tag/],
  [`${ROUTE}cache: §!!binary aGk=\n`, 'tag_resolve_failed', '', /unknown tag/],
  [`${ROUTE}§cache: &a [*a]\n`, 'cyclic_alias', '', /inside of what it names/],
  ['routes:\n  - path: /a\n    auth: {jwt: true}\n    §auth: none\n', 'duplicate_key', '', /twice/],
  [`${ROUTE}§routes: [{path: /b, auth: none}]\n`, 'duplicate_key', '', /twice/],
  [`${ROUTE}cache: &x {a: 1}\nchaos:\n  §<<: *x\n`, 'merge_key', '', /not merged/],
  [`${ROUTE}cache: {§"__proto__": 1}\n`, 'unknown_key', '', /no key/],
  [`${ROUTE}cache: {§1: 1}\n`, 'wrong_key', '', /must be a string/],
  [`${ROUTE}cache: §123456789012345678901234567890\n`, 'big_number', '', /loses digits/],
  [`§%YAML 1.1\n---\n${ROUTE}`, 'yaml_1_1', '', /YAML 1.1/],
];

const KEYS_AND_TYPES: readonly Case[] = [
  [`${ROUTE}§middlewares: {auth: {}}\n`, 'unknown_key', 'middlewares', /did you mean "middleware"/],
  ['§route:\n  - path: /a\n', 'unknown_key', 'route', /did you mean "routes"/],
  [`${ROUTE}middleware: {§auht: {}}\n`, 'unknown_key', 'middleware.auht', /did you mean "auth"/],
  [`${ROUTE}middleware: §{}\n`, 'wrong_type', 'middleware', /must be a mapping/],
  [`${ROUTE}middleware: {auth: §{}}\n`, 'wrong_type', 'middleware.auth', /not empty/],
  [`${ROUTE}middleware: {auth: {§apikey: {}}}\n`, 'unknown_key', 'middleware.auth.apikey', /did you mean "api_key"/],
  [`${ROUTE}middleware: {auth: {§api-key: {}}}\n`, 'unknown_key', 'middleware.auth.api-key', /did you mean "api_key"/],
  [`${ROUTE}middleware: {auth: {§Auth: {}}}\n`, 'unknown_key', 'middleware.auth.Auth', /unknown key/],
  [
    'middleware: {auth: {api_key: {§enabeld: true}}}\n',
    'unknown_key',
    'middleware.auth.api_key.enabeld',
    /did you mean "enabled"/,
  ],
  [
    'middleware: {auth: {api_key: {enabled: §ture}}}\n',
    'wrong_type',
    'middleware.auth.api_key.enabled',
    /true or false/,
  ],
  [
    'middleware: {auth: {api_key: {enabled: §yes}}}\n',
    'wrong_type',
    'middleware.auth.api_key.enabled',
    /true or false/,
  ],
  ['middleware: {auth: {api_key: §true}}\n', 'wrong_type', 'middleware.auth.api_key', /must be a mapping/],
  ['middleware: {auth: {jwt: §null}}\n', 'wrong_type', 'middleware.auth.jwt', /must be a mapping/],
  ['routes: §[]', 'wrong_value', 'routes', /empty list/],
  ['routes: §{}', 'wrong_type', 'routes', /must be a list/],
  ['routes: §null', 'wrong_type', 'routes', /must be a list/],
  ['routes:\n  - §/a\n', 'wrong_type', 'routes[0]', /must be a mapping/],
  [inRoute('§requier: true'), 'unknown_key', 'routes[0].requier', /unknown key/],
  [inRoute('§"p\u0430th": /b'), 'unknown_key', 'routes[0]["p\u0430th"]', /unknown key/],
  [inRoute('timeout: §30'), 'wrong_type', 'routes[0].timeout', /unit/],
  [inRoute('timeout: §5min'), 'wrong_value', 'routes[0].timeout', /unit/],
  [inRoute('priority: §1.5'), 'wrong_type', 'routes[0].priority', /whole number/],
  [inRoute('methods: §[]'), 'wrong_value', 'routes[0].methods', /empty list/],
  [inRoute('methods: [§get]'), 'wrong_value', 'routes[0].methods[0]', /upper case/],
  [inRoute('methods: [§TRACE]'), 'wrong_value', 'routes[0].methods[0]', /never served/],
  [inRoute('methods: §GET'), 'wrong_type', 'routes[0].methods', /must be a list/],
  [inRoute('strip_prefix: §"true"'), 'wrong_type', 'routes[0].strip_prefix', /true or false/],
  [inRoute('headers: §{}'), 'wrong_value', 'routes[0].headers', /not be empty/],
  [inRoute('headers: {x: §"^(a+)+$"}'), 'wrong_value', 'routes[0].headers.x', /repeated group/],
  [inRoute('headers: {x: §"^a{1,900}$"}'), 'wrong_value', 'routes[0].headers.x', /repeats too much: write smaller/],
  [inRoute('query: {x: §"^(?:ab){400}$"}'), 'wrong_value', 'routes[0].query.x', /repeats too much/],
  [inRoute('headers: {x: §"caf\u00e9"}'), 'wrong_value', 'routes[0].headers.x', /visible ASCII/],
  [inRoute('headers: {x: §" a"}'), 'wrong_value', 'routes[0].headers.x', /white space/],
  [inRoute('headers: {x: §"^(a)\\\\1$"}'), 'wrong_value', 'routes[0].headers.x', /back-references/],
  [inRoute('host: §"a.test:80"'), 'wrong_value', 'routes[0].host', /without a port/],
  [inRoute('rate_limit: {rate: §0}'), 'wrong_value', 'routes[0].rate_limit.rate', /above 0/],
  [inRoute('allowed_origins: [§"null"]'), 'wrong_value', 'routes[0].allowed_origins[0]', /origin/],
  [inRoute('add_prefix: §/a/*'), 'wrong_value', 'routes[0].add_prefix', /wildcards/],
  ['routes:\n  - §auth: none\n', 'missing', 'routes[0].path', /is required/],
  [`${inRoute('id: x')}  - {path: /b, auth: none, id: §x}\n`, 'duplicate', 'routes[1].id', /this id already/],
];

const PATTERNS: readonly Case[] = [
  'public/*',
  '*',
  '/a/**',
  '/a*b',
  '/a/../b',
  '/a?x=1',
  '/a//b',
  '/a%2fb',
  '/:a-:b',
  '/{a}{b}',
  '/a;b',
  '""',
].map(
  (pattern) =>
    [
      `routes:\n  - path: §${JSON.stringify(pattern === '""' ? '' : pattern)}\n    auth: none\n`,
      'wrong_value',
      'routes[0].path',
      /must|holds|parameter/,
    ] as const,
);

const GATEWAY: readonly Case[] = [
  [`${ROUTE}trusted_proxies: [§0.0.0.0/0]\n`, 'wrong_value', 'trusted_proxies[0]', /every address/],
  [`${ROUTE}trusted_proxies: [10.0.0.0/8, §"::ffff:0:0/96"]\n`, 'wrong_value', 'trusted_proxies[1]', /every address/],
  [`${ROUTE}trusted_proxies: [§"10.0.0.0/33"]\n`, 'wrong_value', 'trusted_proxies[0]', /CIDR/],
  [`${ROUTE}listeners: [{address: §8443}]\n`, 'wrong_type', 'listeners[0].address', /host:port/],
  [`${ROUTE}listeners: [{address: §":0"}]\n`, 'wrong_value', 'listeners[0].address', /1 to 65535/],
  [`${ROUTE}listeners: [{address: §":99999"}]\n`, 'wrong_value', 'listeners[0].address', /1 to 65535/],
  [
    `${ROUTE}listeners: [{address: ":80", protocol: §HTTPS}]\n`,
    'wrong_value',
    'listeners[0].protocol',
    /"http" or "https"/,
  ],
  [`${ROUTE}listeners: [{address: ":80", protocol: §grpc}]\n`, 'wrong_value', 'listeners[0].protocol', /not built/],
  [`${ROUTE}listeners: [{address: ":80", protocol: §http3}]\n`, 'wrong_value', 'listeners[0].protocol', /not built/],
  [`${ROUTE}listeners: [{address: ":80", protocol: §https}]\n`, 'wrong_protocol', 'listeners[0].protocol', /tls block/],
  [
    `${ROUTE}listeners: [{address: ":80", protocol: http, §tls: {cert_file: a, key_file: b}}]\n`,
    'wrong_protocol',
    'listeners[0].tls',
    /protocol: http/,
  ],
  [
    `${ROUTE}listeners: [{address: ":80"}, {address: §"127.0.0.1:80"}]\n`,
    'duplicate',
    'listeners[1].address',
    /this port already/,
  ],
  [
    `${ROUTE}listeners: [{address: ":80", name: a}, {address: ":81", name: §a}]\n`,
    'duplicate',
    'listeners[1].name',
    /this name already/,
  ],
  [
    `${ROUTE}listeners: [{address: ":8443", tls: {cert_file: a, key_file: b, client_auth: §require}}]\n`,
    'missing',
    'listeners[0].tls.client_auth',
    /needs ca_file/,
  ],
  [
    `${ROUTE}listeners: [{address: ":8443", tls: {cert_file: a, key_file: b, client_auth: §on}}]\n`,
    'wrong_value',
    'listeners[0].tls.client_auth',
    /"none" or "request"/,
  ],
  [
    `${ROUTE}listeners: [{address: ":8443", tls: {cert_file: a, key_file: b, §client_cert_headers: {subject: X-S}}}]\n`,
    'not_asked_for',
    'listeners[0].tls.client_cert_headers',
    /client_auth/,
  ],
  [`${ROUTE}upstreams: [{name: a, endpoints: §[]}]\n`, 'wrong_value', 'upstreams[0].endpoints', /empty list/],
  ...['http://u:p@h:1', 'http://h:1/x', '169.254.169.254:80', 'unix:x', 'h:0', 'h', 'ftp://h:1'].map(
    (endpoint): Case => [
      `${ROUTE}upstreams: [{name: a, endpoints: [§${JSON.stringify(endpoint)}]}]\n`,
      'wrong_value',
      'upstreams[0].endpoints[0]',
      /must/,
    ],
  ),
  [
    `${ROUTE}upstreams: [{name: a, endpoints: ["h:1"]}, {name: §a, endpoints: ["h:1"]}]\n`,
    'duplicate',
    'upstreams[1].name',
    /this name already/,
  ],
  [`${ROUTE}rate_limit: {rate: 5, key: §user}\n`, 'wrong_value', 'rate_limit.key', /must be ip/],
  [
    `${ROUTE}cors: {allowed_origins: [§"*"], allow_credentials: true}\n`,
    'unsafe_cors',
    'cors.allowed_origins[0]',
    /allow_credentials/,
  ],
  [`${ROUTE}cors: {allow_origins: [§"null"]}\n`, 'unsafe_cors', 'cors.allow_origins[0]', /sandboxed/],
  [`${ROUTE}admin: {address: "0.0.0.0:9091", auth: {type: §none}}\n`, 'open_admin', 'admin.auth.type', /loopback/],
  [`${ROUTE}admin: {address: §":9091"}\n`, 'open_admin', 'admin.address', /needs auth/],
  [`${ROUTE}admin: {auth: {type: §basic}}\n`, 'missing', 'admin.auth.type', /block basic/],
  [
    `${ROUTE}admin: {auth: {type: none, §bearer: {token: 0123456789abcdef-token}}}\n`,
    'two_sources',
    'admin.auth.bearer',
    /type: none/,
  ],
  [
    `${ROUTE}admin: {auth: {type: basic, basic: {username: §"a:b", password: 0123456789abcdef-pass}}}\n`,
    'wrong_value',
    'admin.auth.basic.username',
    /colon/,
  ],
  [`${ROUTE}metrics: {path: §/ready}\n`, 'duplicate', 'metrics.path', /another page/],
  [`${ROUTE}metrics: {path: §metrics}\n`, 'wrong_value', 'metrics.path', /must be a path/],
  [`${ROUTE}metrics: {buckets: [0.1, §0.05]}\n`, 'wrong_value', 'metrics.buckets[1]', /above the one before/],
  [`${ROUTE}metrics: {path: /a, prometheus: {path: §/b}}\n`, 'two_sources', 'metrics.prometheus.path', /differs/],
];

const UNBUILT: readonly Case[] = [
  [`${ROUTE}§multi_tenancy: {a: 1}\n`, 'not_built', 'multi_tenancy', /more would pass/],
  [`${ROUTE}plugins: [{name: a, path: §a.wasm}]\n`, 'unreadable_file', 'plugins[0].path', /there is no such file/],
  [
    `${ROUTE}rate_limit: {rate: 5, exemptions: [{type: header, name: §X-A, value: b}]}\n`,
    'client_chooses',
    'rate_limit.exemptions[0].name',
    /exempt/,
  ],
];

const SECRETS: readonly Case[] = [
  [`${KEYS}        - {name: a, key: §12345678}\n`, 'wrong_type', 'middleware.auth.api_key.keys[0].key', /quote it/],
  [`${KEYS}        - {name: a, key: §yes}\n`, 'ambiguous_secret', 'middleware.auth.api_key.keys[0].key', /quote it/],
  [`${KEYS}        - {name: a, key: §0x1F}\n`, 'wrong_type', 'middleware.auth.api_key.keys[0].key', /quote it/],
  [
    `${KEYS}        - {name: a, key: §2026-01-01}\n`,
    'ambiguous_secret',
    'middleware.auth.api_key.keys[0].key',
    /quote it/,
  ],
  [
    `${KEYS}        - {name: a, key: §" abcdefgh"}\n`,
    'wrong_value',
    'middleware.auth.api_key.keys[0].key',
    /without spaces/,
  ],
  [
    `${KEYS}        - {name: a, key: §"\${K}"}\n`,
    'unset_variable',
    'middleware.auth.api_key.keys[0].key',
    /K is not set/,
  ],
  [
    `${KEYS}        - {name: a, key: §"\${EMPTY}"}\n`,
    'unset_variable',
    'middleware.auth.api_key.keys[0].key',
    /EMPTY is not set/,
  ],
  [
    `${KEYS}        - {name: a, key: §"\${K:-abcdefgh}"}\n`,
    'secret_default',
    'middleware.auth.api_key.keys[0].key',
    /takes no default/,
  ],
  [
    `${KEYS}        - {name: a, key: §"\${LINES}"}\n`,
    'control_character',
    'middleware.auth.api_key.keys[0].key',
    /line break/,
  ],
  [
    `${KEYS}        - {name: a, key: §"\${1K}"}\n`,
    'bad_reference',
    'middleware.auth.api_key.keys[0].key',
    /\$\{NAME\}/,
  ],
  [
    `${KEYS}        - {name: a, key: §"\${file:nowhere.txt}"}\n`,
    'unreadable_file',
    'middleware.auth.api_key.keys[0].key',
    /no such file/,
  ],
  [
    `${KEYS}        - {name: a, key: abcdefgh1}\n        - §{name: b, key: abcdefgh1}\n`,
    'method_error',
    'middleware.auth.api_key.keys[1]',
    /same key/,
  ],
  [
    `${KEYS}        - {name: a, key: abcdefgh1}\n        - {name: §a, key: abcdefgh2, rate_limit: 5}\n`,
    'method_error',
    'middleware.auth.api_key.keys[1].name',
    /this name already/,
  ],
  [
    'middleware: {auth: {jwt: {public_key_file: §nowhere.pem}}}\n',
    'unreadable_file',
    'middleware.auth.jwt.public_key_file',
    /no such file/,
  ],
];

const HEADERS: readonly Case[] = [
  ...[
    'Host',
    'Connection',
    'Content-Length',
    'transfer_encoding',
    'Cookie',
    'Authorization',
    'X-Forwarded-For',
    'Forwarded',
    'X-Real-IP',
    'Upgrade',
  ].map((header): Case => [
    `middleware: {auth: {jwt: {issuer: "https://id.example", claims_to_headers: {sub: §${header}}}}}\n`,
    'forbidden_header',
    'middleware.auth.jwt.claims_to_headers.sub',
    /cannot be an identity header/,
  ]),
  ...['""', 'X Y', '"X:Y"', '"x\\r\\ny"'].map((header): Case => [
    `middleware: {auth: {jwt: {issuer: "https://id.example", claims_to_headers: {sub: §${header}}}}}\n`,
    'wrong_value',
    'middleware.auth.jwt.claims_to_headers.sub',
    /header name/,
  ]),
  [
    'middleware: {auth: {jwt: {issuer: "https://id.example", claims_to_headers: {sub: X-User-ID, uid: §x_user_id}}}}\n',
    'duplicate_header',
    'middleware.auth.jwt.claims_to_headers.uid',
    /sub sets this header already/,
  ],
  [
    'middleware: {auth: {jwt: {issuer: "https://id.example", header: X-Token, claims_to_headers: {sub: §X-Token}}}}\n',
    'forbidden_header',
    'middleware.auth.jwt.claims_to_headers.sub',
    /carries credentials/,
  ],
  [
    `${ROUTE}listeners: [{address: ":1", tls: {cert_file: a, key_file: b, ca_file: c, client_auth: require, client_cert_headers: {subject: §Host}}}]\n`,
    'forbidden_header',
    'listeners[0].tls.client_cert_headers.subject',
    /cannot be an identity header/,
  ],
];

const ENV = { EMPTY: '', LINES: 'a\r\nX-Admin: 1' };

describe.each([
  ['syntax', SYNTAX],
  ['keys and types', KEYS_AND_TYPES],
  ['path patterns', PATTERNS],
  ['the gateway', GATEWAY],
  ['what is not built', UNBUILT],
  ['secrets', SECRETS],
  ['identity headers', HEADERS],
])('a mistake in %s is reported once, with its position', (_what, cases) => {
  it.each(cases)('%j: %s', (marked, code, path, message) => {
    const before = marked.slice(0, marked.indexOf('§')).split('\n');
    const place = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    const errors = errorsOf(marked.replace('§', ''), { env: ENV });
    expect(errors).toMatchObject([{ code, path, ...place, file: 'loom.yaml', level: 'error' }]);
    expect(errors[0]?.message).toMatch(message);
  });
});

it('reports every mistake of a file at once, in the order of the file', () => {
  const file = `${ROUTE}    timeout: 30\nlisteners: [{address: 1}]\nupstreams: [{name: a}]\nextra: 1\n`;
  try {
    compile(file);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message.split('\n')).toEqual([
      expect.stringMatching(/^loom\.yaml:4:14 routes\[0\]\.timeout: /),
      expect.stringMatching(/^loom\.yaml:5:23 listeners\[0\]\.address: /),
      expect.stringMatching(/^loom\.yaml:6:13 upstreams\[0\]\.endpoints: is required/),
      expect.stringMatching(/^loom\.yaml:7:1 extra: unknown key/),
    ]);
  }
  expect.assertions(2);
});

it.each([
  ['cache: {a: 1}', 'cache'],
  ['graphql: {}', 'graphql'],
  ['ai_gateway: {}', 'ai_gateway'],
  ['chaos: {}', 'chaos'],
  ['ebpf: {}', 'ebpf'],
  ['tracing: {endpoint: "http://otel:4318"}', 'tracing.endpoint'],
  ['tracing: {service_name: loom}', 'tracing.service_name'],
])('loads what is not built and narrows nothing, with a warning: %s', (block, path) => {
  expect(diagnose(`${ROUTE}${block}\n`)).toMatchObject([{ level: 'warning', code: 'not_built', path }]);
});

it('never repeats a value, which may be a secret', () => {
  const secret = 'hunter2-hunter2';
  const file = `middleware: {auth: {jwt: {secret: [${secret}], algorithm: ${secret}}, api_key: {keys: [{key: "${secret} x"}], header: "${secret} "}}}`;
  const told = diagnose(file).map(formatDiagnostic).join('\n');
  expect(told).toMatch(/jwt\.secret/);
  expect(told).not.toContain(secret);
});

it('takes a byte order mark, CRLF and JSON as they are', () => {
  expect(errorsOf(`\uFEFF${ROUTE}`)).toEqual([]);
  expect(errorsOf(ROUTE.replaceAll('\n', '\r\n'))).toEqual([]);
  expect(errorsOf('{"routes": [{"path": "/a", "auth": "none"}]}')).toEqual([]);
});

describe('files beside the file', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'loom-config-'));
    writeFileSync(join(folder, 'key.txt'), 'k-1234567890abcdef\n', { mode: 0o600 });
    writeFileSync(join(folder, 'open.txt'), 'k-fedcba0987654321\n', { mode: 0o644 });
    writeFileSync(join(folder, 'empty.txt'), '\n');
    writeFileSync(join(folder, 'latin1.txt'), Buffer.from([0x6b, 0xe9]));
    mkdirSync(join(folder, 'folder'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const file = (name: string): string => `middleware: {auth: {api_key: {keys: [{name: a, key: "\${file:${name}}"}]}}}`;
  const load = (name: string) =>
    compileFile({ text: file(name), file: join(folder, 'loom.yaml') }, { mode: 'middleware', env: {} });

  it('are read relative to it, less one newline', () => {
    expect(load('key.txt').plan.methods[0]?.options).toMatchObject({ keys: [{ key: 'k-1234567890abcdef' }] });
    expect(load('key.txt').warnings).toEqual([]);
  });

  it('warn if every user of the machine may read a secret', () => {
    expect(load('open.txt').warnings).toMatchObject([{ code: 'world_readable' }]);
  });

  it.each([
    ['none.txt', /no such file/],
    ['folder', /directory/],
    ['empty.txt', /is empty/],
    ['latin1.txt', /UTF-8/],
  ])('refuse %s', (name, message) => {
    expect(() => load(name)).toThrow(message);
  });

  it('are the file itself, by its path', () => {
    writeFileSync(join(folder, 'loom.yaml'), file('key.txt'));
    expect(compileFile(join(folder, 'loom.yaml'), { mode: 'middleware' }).plan.methods).toHaveLength(1);
    expect(() => compileFile(join(folder, 'nowhere.yaml'), { mode: 'middleware' })).toThrow(
      /nowhere\.yaml:1:1: .*no such file/,
    );
  });
});

it('resolves variables inside of strings, and leaves bcrypt hashes alone', () => {
  const file = `middleware:
  auth:
    basic: {users: [{username: "\${WHO}", password_hash: "$2y$10$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1"}]}
    jwt: {issuer: "https://\${HOST:-id.example}/"}
routes: [{path: "/$\${a}x", auth: {basic: true, jwt: true, require_any: true}}]`;
  expect(errorsOf(file, { env: { WHO: 'admin' } })[0]?.path).toBe('routes[0].path');
  const { plan } = compile(file.replace('/$${a}x', '/a'), { env: { WHO: 'ad - {min}' } });
  expect(plan.methods.find(({ name }) => name === 'basic')?.options).toMatchObject({
    users: [{ username: 'ad - {min}', password_hash: expect.stringMatching(/^\$2y\$10\$/) as string }],
  });
  expect(plan.methods.find(({ name }) => name === 'jwt')?.options).toMatchObject({ issuer: 'https://id.example/' });
});

it('warns of a header in the rate limit key that the client chooses', () => {
  const auth = `middleware: {auth: {jwt: ${JWT.replace('}', ', claims_to_headers: {sub: X-User-ID}}')}}}`;
  const file = (name: string): string => `${auth}\nrate_limit: {rate: 5, key: "header:${name}"}`;
  expect(warningsOf(file('X-Tenant'))).toMatchObject([{ code: 'client_chooses', path: 'rate_limit.key' }]);
  expect(warningsOf(file('x-user-id'))).toEqual([]);
  expect(warningsOf(file('Authorization'))).toEqual([]);
});

it('answers names of prototypes like any other', () => {
  expect(errorsOf('routes: [{path: /a, auth: {constructor: true}}]')[0]?.code).toBe('unknown_key');
  const file =
    'routes: [{path: /a, id: toString, auth: none, upstream: constructor}]\nupstreams: [{name: constructor, endpoints: ["h:1"]}]';
  expect(errorsOf(file)).toEqual([]);
});
