/** `# loom-ignore: rule reason` silences one rule on one line, never an error, and an unused comment is reported. */
import { compileFile } from '../../../src/config/index.js';
import { ConfigError } from '../../../src/config/diagnostics.js';
import { linted, placesOf, toldBy } from './linting.js';

const ROUTE = (comment = '', above = ''): string => `routes:\n${above}  - path: /a${comment}\n`;
const codes = (text: string): readonly string[] => linted(text).map(({ code }) => code);

test('a comment on the line, and a comment above it, silence the rule on that line', () => {
  expect(codes(ROUTE())).toEqual(['public_route']);
  expect(codes(ROUTE(' # loom-ignore: public_route the health check of the balancer'))).toEqual([]);
  expect(codes(ROUTE('', '  # loom-ignore: public_route the health check of the balancer\n'))).toEqual([]);
  expect(codes(ROUTE('', '  # loom-ignore: public_route - reason\n\n  # another comment\n'))).toEqual([]);
});

test('a comment silences no other rule, and no other line', () => {
  expect(codes(ROUTE(' # loom-ignore: unused it is used'))).toEqual(['public_route', 'unused_ignore']);
  const two = `${ROUTE(' # loom-ignore: public_route on purpose')}  - path: /b\n`;
  expect(placesOf('public_route', linted(two))).toEqual(['3 routes[1]']);
});

test('several comments above a line each silence their rule', () => {
  const text = `middleware:
  auth:
    # loom-ignore: missing_issuer the issuer changes
    # loom-ignore: missing_audience the issuer writes none
    jwt: {jwks_url: "https://id.example/jwks.json"}
    chain: [jwt]
`;
  expect(codes(text)).toEqual([]);
});

test('a comment counts at start as well, also with strict', () => {
  const text = ROUTE(' # loom-ignore: public_route on purpose');
  expect(compileFile({ text }, { mode: 'middleware', strict: true }).warnings).toEqual([]);
  expect(() => compileFile({ text: ROUTE() + '\n' }, { mode: 'middleware', strict: true })).toThrow(ConfigError);
});

test.each([
  ['# loom-ignore: public_route', /write "# loom-ignore: rule_id reason"/],
  ['# loom-ignore: public_route ...', /write "# loom-ignore: rule_id reason"/],
  ['# loom-ignore public_route on purpose', /write "# loom-ignore: rule_id reason"/],
  ['# loom-ignore-next-line: public_route on purpose', /write "# loom-ignore: rule_id reason"/],
  ['# Loom-Ignore: public_route on purpose', /write "# loom-ignore: rule_id reason"/],
  ['# loom-ignore: * all of it', /write "# loom-ignore: rule_id reason"/],
  ['# loom-ignore: public-route on purpose', /no such rule; did you mean "public_route"\?/],
  ['# loom-ignore: unknown_key on purpose', /unknown_key is an error, which no comment silences/],
])('%s silences nothing and is reported', (comment, message) => {
  const found = linted(ROUTE(` ${comment}`));
  expect(placesOf('public_route', found)).toEqual(['2 routes[0]']);
  expect(toldBy('bad_ignore', found)).toEqual([expect.stringMatching(message)]);
  expect(found.find(({ code }) => code === 'bad_ignore')).toMatchObject({ level: 'warning', line: 2, column: 14 });
});

test('an error stays an error, also of a rule that may be a warning', () => {
  const hidden = `routes:
  - {path: /a, auth: none}
  - {path: /a, auth: {api_key: true}, headers: {x: a}} # loom-ignore: route_hidden on purpose
middleware: {auth: {api_key: {keys: [{key: k-1234567890abcdef, name: alice}]}}}
`;
  const spelled = 'rotes: [] # loom-ignore: unknown_key on purpose\n';
  for (const text of [hidden, spelled]) expect(() => linted(text)).toThrow(ConfigError);
});

test.each([
  ['a quoted text', 'realm: "# loom-ignore: public_route on purpose"'],
  ['a block text', 'realm: >-\n        # loom-ignore: public_route on purpose'],
])('%s is no comment', (_, line) => {
  const text = `middleware:
  auth:
    basic:
      ${line}
      users: [{username: admin, password_hash: "$2y$10$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1"}]
routes:
  - path: /b
    auth: {basic: true}
  - path: /a
`;
  expect(codes(text)).toEqual(['public_route']);
});

test('no message repeats what a comment holds', () => {
  const secret = 'sk_live_9f8e7d6c5b4a';
  const text = ROUTE(` # loom-ignore: ${secret} ${secret}`);
  expect(JSON.stringify(linted(text))).not.toContain(secret);
});

test('a file with a byte order mark and CRLF has the same lines', () => {
  const text = `\uFEFF${ROUTE(' # loom-ignore: public_route on purpose').replaceAll('\n', '\r\n')}`;
  expect(codes(text)).toEqual([]);
});
