/** `shutdown`: its times, its defaults, and what it refuses. */
import { compile, errorsOf, warningsOf } from './files.js';

const REST = `
listeners: [{ name: main, address: ":8080", protocol: http }]
routes: [{ path: /a, auth: none, upstream: u }]
upstreams: [{ name: u, endpoints: ["10.0.0.1:80"] }]
`;

test.each([
  ['', { delayMs: 0, timeoutMs: 30_000 }],
  ['shutdown: {}', { delayMs: 0, timeoutMs: 30_000 }],
  ['shutdown: { delay: 5s }', { delayMs: 5_000, timeoutMs: 30_000 }],
  ['shutdown: { delay: 0s, timeout: 1m }', { delayMs: 0, timeoutMs: 60_000 }],
])('%s', (block, shutdown) => {
  expect(compile(`${block}${REST}`, { mode: 'serve' }).plan.shutdown).toEqual(shutdown);
});

test.each([
  ['delay: 5', 'shutdown.delay'],
  ['delay: 30d', 'shutdown.delay'],
  ['timeout: 0s', 'shutdown.timeout'],
  ['grace: 5s', 'shutdown.grace'],
])('%s is refused', (option, path) => {
  expect(errorsOf(`shutdown: { ${option} }${REST}`, { mode: 'serve' })).toMatchObject([{ path }]);
});

test('a middleware has no listeners, and a warning says so', () => {
  const keys = 'middleware: { auth: { api_key: { keys: [{ key: sk_of_the_stop_test, name: a }] } } }\n';
  expect(warningsOf(`${keys}shutdown: { delay: 5s }`)).toMatchObject([{ code: 'no_effect', path: 'shutdown' }]);
});
