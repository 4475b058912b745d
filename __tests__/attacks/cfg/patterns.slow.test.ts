/** Patterns that match nothing, or something else than they show. */
import { errors, expectRefused, whole } from './files.js';

describe('CFG-15 patterns', () => {
  const PATH = '    path: /internal/*\n';

  test.each([
    ...[
      '""',
      'public/*',
      '/public/**',
      '/pub*lic',
      '"*"',
      '"/public/*?x"',
      '/a/../b',
      '/a/./b',
      '/..',
      '/a/%2e%2e/b',
      '/a/%2E/b',
    ],
    ...[
      '/(a|b)',
      '/^a$',
      '/a b',
      '"/a\\u0000"',
      '/%ff',
      '/%',
      '/%2',
      '/a%2fb',
      '/a%5cb',
      '/a%00',
      '/a%252e',
      '/a;b',
      '"/a#b"',
      '/a\\b',
    ],
    ...[
      '//',
      '/a//b',
      '"/:"',
      '"/:a-b"',
      '"/{}"',
      '"/{a}{b}"',
      '"/{a}x"',
      '/**',
      '/*a',
      'null',
      '1',
      '[/a]',
      '{/a: 1}',
      'http://x/a',
      '~/a',
    ],
    ...['" /a"', '"/a "', '"/a\\t"', '"/a\\n"', '/a<b', '"\\\\a"', '/a|b', '"/a`b"'],
  ])('path: %s is refused', (path) => {
    expectRefused(whole([PATH, `    path: ${path}\n`]));
  });

  test.each(['/internal/*', '/internal/*/', '/%69nternal/*', '/%69%6E%74ernal/*'])(
    'the same pattern again with other auth, as %s: refused',
    (path) => {
      for (const auth of ['none', '{api_key: true}', '{jwt: true}']) {
        const more = `  - {path: "${path}", upstream: backend, auth: ${auth}}\nupstreams:\n`;
        expectRefused(whole(['upstreams:\n', more]), { code: 'duplicate_route' });
      }
    },
  );

  test.each([
    '{host: a.test:80}',
    '{host: "*"}',
    '{host: "*.*.test"}',
    '{host: ""}',
    '{host: "a..b"}',
    '{host: "b\u00fccher.test"}',
    '{host: "a/b"}',
  ])('a host that no request has: %s is refused', (more) => {
    const host = more.slice(1, -1);
    expectRefused(whole([PATH, `${PATH}    ${host}\n`]));
  });

  test.each([
    '/a/*/b',
    '"/:id"',
    '"/{id}"',
    '/',
    '/*',
    '/a.b',
    '/a+',
    '/a/:id/*',
    '/caf\u00e9',
    '/a%20b',
    '/~a/@b',
    '/(x)',
  ])('twin: %s loads, as documented', (path) => {
    // Other routes may guard what a broader pattern delivers. This test ignores that.
    const text = whole([PATH, `    path: ${path}\n`], ['    path: /public/*\n', '    path: /apart/*\n']);
    expect(errors(text).filter(({ code }) => code !== 'route_overlap')).toEqual([]);
  });
});
