/**
 * One application under two names of its address: an open route to one must not deliver what a route to the other
 * guards.
 */
import { ConfigError } from '../../../src/config/diagnostics.js';
import { compileFile } from '../../../src/config/index.js';

const compile = (one: string, other: string) => {
  const text = `
listeners: [{ name: main, address: ":8080", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key: k-0123456789abcdef, name: a }] } } }
routes:
  - { path: /cdn/*, strip_prefix: true, upstream: one, auth: none }
  - { path: /internal/*, upstream: other, auth: { api_key: true } }
upstreams: [{ name: one, endpoints: ["${one}"] }, { name: other, endpoints: ["${other}"] }]`;
  return compileFile({ text, file: 'loom.yaml' }, { mode: 'serve' });
};

test.each([
  ['localhost:3000', '127.0.0.1:3000'],
  ['[::1]:3000', 'localhost:3000'],
  ['127.0.0.2:3000', '127.0.0.1:3000'],
  ['http://LOCALHOST:3000', '127.0.0.1:3000'],
  ['http://app.internal:80', 'http://APP.internal.'],
  ['https://app.internal:8443', 'http://app.internal:8443'],
])('%s and %s are one: the overlap is an error', (one, other) => {
  expect(() => compile(one, other)).toThrow(ConfigError);
  expect(() => compile(one, other)).toThrow(/can deliver paths to one that routes\[1\].* guards more strictly/s);
});

test.each([
  ['localhost:3000', '127.0.0.1:3001'],
  ['a.internal:3000', 'b.internal:3000'],
  ['http://app.internal', 'https://app.internal'],
])('%s and %s are two', (one, other) => {
  expect(compile(one, other).plan.routes).toHaveLength(2);
});
