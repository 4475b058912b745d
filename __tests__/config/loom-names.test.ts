import { compile, diagnose, errorsOf, warningsOf } from './files.js';

const AUTH = 'middleware: {auth: {api_key: {keys: [{key: k-1234567890abcdef, name: alice}]}, chain: [api_key]}}\n';
const ROUTES = 'routes: [{id: a, path: /a, upstream: b}]\n';
const UPSTREAM = 'name: b, endpoints: ["h:1", "i:2"]';

const limit = (block: string): string => `${AUTH}${ROUTES}upstreams: [{${UPSTREAM}}]\nrate_limit: ${block}\n`;
const route = (options: string): string =>
  `${AUTH}routes: [{id: a, path: /a, upstream: b, ${options}}]\nupstreams: [{${UPSTREAM}}]\n`;
const upstream = (options: string): string => `${AUTH}${ROUTES}upstreams: [{${UPSTREAM}, ${options}}]\n`;
const top = (block: string): string => `${AUTH}${ROUTES}upstreams: [{${UPSTREAM}}]\n${block}\n`;

/** `$2a$` of ten rounds; its password is unknown. */
const HASH = '$2y$10$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1';

const planOf = (text: string): unknown => {
  const { plan } = compile(text);
  return JSON.parse(JSON.stringify({ ...plan, warnings: [] }));
};

it.each([
  [route('query_params: {v: "1"}'), route('query: {v: "1"}')],
  [route('rate_limit: {requests_per_second: 5, burst: 9}'), route('rate_limit: {rate: 5, burst: 9}')],
  [route('rate_limit: 5'), route('rate_limit: {rate: 5}')],
  [route('rate_limit: "90/m"'), route('rate_limit: {rate: "90/minute"}')],
  [upstream('load_balancer: round-robin'), upstream('load_balancer: round_robin')],
  [upstream('load_balancer: least-connections'), upstream('load_balancer: least_conn')],
  [upstream('load_balancer: ip-hash'), upstream('load_balancer: ip_hash')],
  [upstream('load_balancing: {algorithm: ip-hash}'), upstream('load_balancing: {algorithm: ip_hash}')],
  [upstream('weights: {"i:2": 3, "h:1": 7}'), upstream('weights: [7, 3]')],
  [
    upstream('connection: {max_idle: 3, max_per_host: 9, idle_timeout: 5s}'),
    upstream('pool: {max_idle: 3, max_open: 9, idle_timeout: 5s}'),
  ],
  [limit('{default: {requests_per_second: 10, burst: 20}, key: ip}'), limit('{rate: 10, burst: 20, key: ip}')],
  [limit('{default: {rate: 10}}'), limit('{rate: 10}')],
  [limit('{requests_per_second: 10}'), limit('10')],
  [limit('{rate: 10, store: memory}'), limit('{rate: 10}')],
  [limit('{rate: 10, store: {type: memory}}'), limit('{rate: 10}')],
  [
    limit('{rate: 10, store: {type: redis, redis: {address: "r:1", key_prefix: "x:"}}}'),
    limit('{rate: 10, distributed: {type: redis, address: "r:1", key_prefix: "x:"}}'),
  ],
  [
    limit('{rate: 10, store: {redis: {address: "r:1"}}}'),
    limit('{rate: 10, distributed: {type: redis, address: "r:1"}}'),
  ],
  [limit('{rate: 10, key: "${client_ip}"}'), limit('{rate: 10, key: ip}')],
  [limit('{rate: 10, key: "${header:X-API-Key}"}'), limit('{rate: 10, key: "header:X-API-Key"}')],
  [
    limit('{tiers: [{name: other, rate: 5, burst: 6}, {name: a, match: {claim: name, value: alice}, rate: 9}]}'),
    limit('{rate: 5, burst: 6, tiers: [{name: a, match: {claim: name, value: alice}, rate: 9}]}'),
  ],
  [limit('{tiers: [{name: default, requests_per_second: 5}]}'), limit('{rate: 5}')],
  [
    limit('{rate: 1, response: {headers: {X-Left: "${remaining}"}}}'),
    limit('{rate: 1, response: {headers: {X-Left: "{{.Remaining}}"}}}'),
  ],
  [top('logging: {access_log: {enabled: true}}'), top('logging: {access: {enabled: true}}')],
  [
    top('logging: {access: {fields: [timestamp, method, duration, client_ip]}}'),
    top('logging: {access: {fields: [method, duration_ms, client]}}'),
  ],
  [top('metrics: {buckets: {latency: [0.1, 1]}}'), top('metrics: {buckets: [0.1, 1]}')],
  [top(`admin: {users: {root: "${HASH}"}}`), top(`admin: {auth: {users: {root: "${HASH}"}}}`)],
])('reads an option that Loom spells otherwise: %s', (loom, ours) => {
  expect(errorsOf(loom)).toEqual([]);
  expect(planOf(loom)).toEqual(planOf(ours));
});

it.each([
  [route('query_params: {v: "1"}, query: {v: "1"}'), 'routes[0].query_params'],
  [route('rate_limit: {requests_per_second: 5, rate: 5}'), 'routes[0].rate_limit.requests_per_second'],
  [upstream('pool: {max_idle: 3}, connection: {max_idle: 3}'), 'upstreams[0].connection'],
  [upstream('connection: {max_per_host: 3, max_open: 3}'), 'upstreams[0].connection.max_per_host'],
  [upstream('load_balancer: random, load_balancing: {algorithm: random}'), 'upstreams[0].load_balancing.algorithm'],
  [limit('{rate: 5, default: {rate: 5}}'), 'rate_limit.default.rate'],
  [limit('{rate: 5, default: {requests_per_second: 5}}'), 'rate_limit.default.requests_per_second'],
  [limit('{rate: 5, tiers: [{name: default, rate: 5}]}'), 'rate_limit.tiers[0].rate'],
  [
    limit('{rate: 5, store: {type: redis, address: "r:1"}, distributed: {type: redis, address: "r:1"}}'),
    'rate_limit.store',
  ],
  [top('logging: {access_log: {enabled: true}, access: {enabled: true}}'), 'logging.access_log'],
  [top('logging: {access: {fields: [duration_ms, duration]}}'), 'logging.access.fields[1]'],
  [top('metrics: {path: /m, prometheus: {path: /m}}'), 'metrics.prometheus.path'],
  [top('cors: {allowed_origins: ["https://a.example"], allow_origins: ["https://a.example"]}'), 'cors.allow_origins'],
  [
    top(
      'listeners: [{address: ":1", tls: {cert_file: a, key_file: b, client_auth: verify, ca_file: c, client_ca_file: c}}]',
    ),
    'listeners[0].tls.client_ca_file',
  ],
  [top(`admin: {users: {a: "${HASH}"}, auth: {users: {a: "${HASH}"}}}`), 'admin.users'],
])('refuses an option that is given under both names: %s', (text, path) => {
  expect(errorsOf(text)).toMatchObject([{ code: 'two_sources', path }]);
});

it('names a mistake in an aliased block as the file writes it, at its line', () => {
  const text = `${top('')}rate_limit:\n  default:\n    requests_per_second: -1\n    busrt: 2\n`;
  expect(errorsOf(text)).toMatchObject([
    { path: 'rate_limit.default.requests_per_second', line: 7, code: 'wrong_value' },
    {
      path: 'rate_limit.default.busrt',
      line: 8,
      code: 'unknown_key',
      message: expect.stringMatching(/burst/) as string,
    },
  ]);
  const connection = upstream('connection: {max_per_host: many}');
  expect(errorsOf(connection)).toMatchObject([{ path: 'upstreams[0].connection.max_per_host' }]);
  const tiers = '{tiers: [{name: default, rate: 5}, {name: a, match: {claim: name, value: x}, rate: 0}]}';
  expect(errorsOf(limit(tiers))).toMatchObject([{ path: 'rate_limit.tiers[1].rate' }]);
  const misspelt = '{rate: 1, tiers: [{name: a, macth: {claim: name, value: x}, rate: 5}]}';
  expect(errorsOf(limit(misspelt)).map(({ path }) => path)).toContain('rate_limit.tiers[0].macth');
});

it('keeps a moved secret out of messages', () => {
  const text = limit('{rate: 10, store: {type: redis, redis: {address: "h", password: s3cr3t-word, s3cr3t-word: 1}}}');
  expect(JSON.stringify(diagnose(text))).not.toContain('s3cr3t-word');
});

it.each([
  [
    'tracing: {enabled: true, sampler: {type: parent_based, root: {type: trace_id_ratio, ratio: 0.1}}}',
    'sampler',
    /OTEL_/,
  ],
  ['tracing: {otlp: {endpoint: "c:4317", insecure: true}}', 'otlp', /OTEL_EXPORTER_OTLP_ENDPOINT/],
  ['tracing: {batch_timeout: 5s}', 'batch_timeout', /OTEL_BSP/],
  ['tracing: {attributes: {region: eu}}', 'attributes', /OTEL_RESOURCE_ATTRIBUTES/],
  ['tracing: {provider: otlp}', 'provider', /OpenTelemetry SDK/],
  ['tracing: {propagation: [tracecontext, baggage]}', 'propagation', /OTEL_PROPAGATORS/],
  ['logging: {output: stdout}', 'output', /standard error/],
  ['logging: {file: {path: /var/log/loom.log}}', 'file', /standard error/],
  ['logging: {access: {fields: [method, cache_status]}}', 'access.fields[1]', /not built/],
  ['metrics: {opentelemetry: {enabled: true, endpoint: "c:4317"}}', 'opentelemetry', /not built/],
  ['rate_limit: {rate: 5, cleanup_interval: 5m}', 'cleanup_interval', /not built/],
  ['admin: {health: {checks: [{name: redis, type: tcp, address: "r:1"}]}}', 'health', /not built/],
])('warns of what is not built: %s', (block, option, message) => {
  const [name = ''] = block.split(':');
  const found = diagnose(top(block)).filter(({ code }) => code === 'not_built');
  expect(errorsOf(top(block))).toEqual([]);
  expect(found).toMatchObject([
    { level: 'warning', path: `${name}.${option}`, message: expect.stringMatching(message) as string },
  ]);
});

it('warns of options of an upstream that are not built', () => {
  const text = upstream('circuit_breaker: {failure_codes: [500], per_endpoint: true}, bulkhead: {max_concurrent: 5}');
  expect(errorsOf(text)).toEqual([]);
  expect(
    warningsOf(text)
      .map(({ path }) => path)
      .sort(),
  ).toEqual(['upstreams[0].bulkhead', 'upstreams[0].circuit_breaker.failure_codes']);
});

it.each([
  ['rate_limit: {algorithm: sliding_window, window: 1m, limit: 1000}', 'rate_limit.algorithm', /quotas/],
  ['admin: {endpoints: {routes: false}}', 'admin.endpoints.routes', /not built/],
  ['multi_tenancy: {enabled: true}', 'multi_tenancy', /not built/],
])('refuses what is not built and would narrow access: %s', (block, path, message) => {
  expect(errorsOf(top(block))).toContainEqual(
    expect.objectContaining({ code: 'not_built', path, message: expect.stringMatching(message) as string }),
  );
});

it('says nothing of what is off, or what happens anyway', () => {
  const quiet =
    'metrics: {opentelemetry: {enabled: false, endpoint: "c:1"}}\nlogging: {output: stderr}\nrate_limit: {rate: 5, algorithm: token_bucket}\n' +
    'admin: {endpoints: {routes: true}}\n';
  expect(
    diagnose(top(quiet))
      .map(({ message }) => message)
      .filter((each) => /not built/.test(each)),
  ).toEqual([]);
});

it.each(['false', 'true'])('refuses rate_limit.default.enabled: %s, which is no switch of the block', (enabled) => {
  const quotas = 'quotas: [{name: q, window: 1h, limit: 5, key: ip}]';
  const errors = errorsOf(limit(`{default: {enabled: ${enabled}, rate: 5}, ${quotas}}`));
  expect(errors).toMatchObject([
    { path: 'rate_limit.default.enabled', message: expect.stringContaining('write rate_limit.enabled') as string },
  ]);
  expect(errorsOf(limit(`{enabled: ${enabled}, default: {rate: 5}, ${quotas}}`))).toEqual([]);
});
