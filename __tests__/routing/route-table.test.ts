import type { FieldMatch } from '../../src/config/plan-types.js';
import { RouteTable } from '../../src/routing/route-table.js';
import { answer, find, route } from '../support/routes.js';

describe('patterns', () => {
  it('match a prefix at a segment boundary only, the prefix itself included', () => {
    const routes = [route('public', '/public/*')];
    for (const url of ['/public', '/public/', '/public/a', '/public/a/b', '/public?x', '/public/..a'])
      expect(find(routes, url)).toBe('public');
    for (const url of ['/publicX', '/public-admin', '/public.', '/public..a/b', '/', '/p', '/x/public'])
      expect(find(routes, url)).toBe('none');
  });

  it('match an exact path with or without one trailing slash, and nothing below it', () => {
    const routes = [route('exact', '/internal'), route('root', '/')];
    for (const url of ['/internal', '/internal/', '/internal?x=1', '/%69nternal'])
      expect(find(routes, url)).toBe('exact');
    for (const url of ['/internal/a', '/internal.json', '/internal%20x']) expect(find(routes, url)).toBe('none');
    expect(find(routes, '/')).toBe('root');
  });

  it.each(['/a/:id', '/a/{id}', '/a/*/b', '/a/:id/b/*'])('%s takes any one segment', (path) => {
    const below = path.replace(/\/a\/[^/]+/, '').replace(/\/\*$/, '');
    for (const one of ['b', 'x%20y', '.b', '%C3%A9', '100%25'])
      expect(find([route('one', path)], `/a/${one}${below}`)).toBe('one');
    expect(find([route('one', path)], '/a')).toBe('none');
    expect(find([route('one', path)], `/z/b${below}`)).toBe('none');
  });

  it('match literals as bytes decoded once, whichever way they are written', () => {
    for (const path of ['/café/*', '/caf%C3%A9/*']) {
      for (const url of ['/caf%C3%A9/x', '/caf%c3%a9/x', '/%63af%C3%A9'])
        expect(find([route('cafe', path)], url)).toBe('cafe');
      expect(find([route('cafe', path)], '/cafe%CC%81/x')).not.toBe('cafe');
    }
  });

  it('prefer the more specific, whatever the order in the file', () => {
    const routes = [
      route('all', '/*'),
      route('one', '/a/:id'),
      route('exact', '/a/b'),
      route('prefix', '/a/*'),
      route('deep', '/a/:id/c'),
      route('literal', '/a/b/*'),
    ];
    for (const list of [routes, [...routes].reverse()]) {
      expect(find(list, '/a/b')).toBe('exact');
      expect(find(list, '/a/c')).toBe('one');
      expect(find(list, '/a/x/d')).toBe('prefix');
      expect(find(list, '/a/x/c')).toBe('deep');
      expect(find(list, '/a/b/c')).toBe('literal');
      expect(find(list, '/a')).toBe('prefix');
      expect(find(list, '/z')).toBe('all');
    }
  });

  it('go back to a broader branch where the narrower one ends', () => {
    const routes = [route('literal', '/a/b/c'), route('one', '/a/:x/d'), route('rest', '/a/*')];
    expect(find(routes, '/a/b/d')).toBe('one');
    expect(find(routes, '/a/b/e')).toBe('rest');
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('know %s as a name like any other', (name) => {
    expect(find([route('a', '/a/*')], `/${name}`)).toBe('none');
    expect(find([route('a', '/a/*'), route('named', `/${name}`)], `/${name}`)).toBe('named');
  });
});

describe('priority', () => {
  it('wins over specificity, of patterns and of hosts', () => {
    expect(find([route('exact', '/a/b'), route('wide', '/a/*', { priority: 1 })], '/a/b')).toBe('wide');
    expect(find([route('literal', '/a/b'), route('one', '/a/:id', { priority: 1 })], '/a/b')).toBe('one');
    expect(find([route('exact', '/a', { priority: 2 }), route('wide', '/*', { priority: 1 })], '/a')).toBe('exact');
    const hosts = [route('host', '/*', { host: 'gw' }), route('any', '/*', { priority: 1 })];
    expect(find(hosts, '/a')).toBe('any');
    const wild = [route('wild', '/*', { host: '*.gw', priority: 1 }), route('host', '/*', { host: 'a.gw' })];
    expect(find(wild, '/a', { host: 'a.gw' })).toBe('wild');
  });

  it('may be negative, and orders the routes of one pattern; equal ones go by the file', () => {
    expect(find([route('low', '/a', { priority: -1 }), route('wide', '/*')], '/a')).toBe('wide');
    const header: FieldMatch = { name: 'X-A', kind: 'present', value: '*' };
    const routes = [
      route('plain', '/a'),
      route('first', '/a', { headers: [header], priority: 1 }),
      route('last', '/a'),
    ];
    expect(find(routes, '/a', { headers: { 'x-a': '1' } })).toBe('first');
    expect(find(routes, '/a')).toBe('plain');
  });
});

describe('hosts', () => {
  const routes = [
    route('any', '/*'),
    route('wild', '/*', { host: '*.example.com' }),
    route('deeper', '/*', { host: '*.b.example.com' }),
    route('exact', '/*', { host: 'a.example.com' }),
  ];

  it.each(['a.example.com', 'A.EXAMPLE.com', 'a.example.com.', 'a.example.com:8080', 'A.example.com.:1'])(
    '%s is the exact host',
    (host) => {
      expect(find(routes, '/x', { host })).toBe('exact');
      expect(find([route('upper', '/*', { host: 'A.Example.com' })], '/x', { host })).toBe('upper');
    },
  );

  it('prefers the longest suffix', () => {
    expect(find(routes, '/x', { host: 'c.example.com' })).toBe('wild');
    expect(find(routes, '/x', { host: 'c.d.example.com' })).toBe('wild');
    expect(find(routes, '/x', { host: 'c.b.example.com' })).toBe('deeper');
  });

  it.each(['example.com', 'a.example.com.evil.com', 'xa-example.com', 'xexample.com', 'evil.com', '[::1]:80', ''])(
    '%j does not match any of them',
    (host) => {
      expect(find(routes, '/x?a.example.com/admin', { host })).toBe('any');
      expect(find(routes.slice(1), '/x', { host })).toBe('none');
    },
  );

  it('may be an IPv6 address', () => {
    expect(find([route('six', '/*', { host: '[::1]' })], '/x', { host: '[::1]:8443' })).toBe('six');
  });

  it.each([1, 100, 101])('match alike among %d', (count) => {
    const many = Array.from({ length: count }, (_, at) => route(`h${at}`, '/*', { host: `h${at}.example` }));
    for (const host of ['H0.EXAMPLE', 'h0.example.', 'h0.example:1']) expect(find(many, '/', { host })).toBe('h0');
    expect(find(many, '/', { host: 'xh0.example' })).toBe('none');
  });
});

describe('methods, headers and query', () => {
  const routes = [
    route('get', '/a', { methods: ['GET'] }),
    route('post', '/a', { methods: ['POST'] }),
    route('head', '/head', { methods: ['HEAD'] }),
    route('wide', '/*'),
    route('v2', '/h', { headers: [{ name: 'X-Version', kind: 'exact', value: '2' }] }),
    route('q', '/q', { query: [{ name: 'n', kind: 'regex', value: '^[0-9]+$' }] }),
  ];

  it('choose among the routes of one pattern, never a broader one', () => {
    expect(find(routes, '/a', { method: 'HEAD' })).toBe('get');
    expect(find(routes, '/a', { method: 'POST' })).toBe('post');
    expect(find(routes, '/a', { method: 'DELETE' })).toBe('method_not_allowed');
    expect(find(routes, '/a', { method: 'get' })).toBe('method_not_allowed');
    expect(find(routes, '/head')).toBe('method_not_allowed');
    expect(find(routes, '/h', { headers: { 'x-version': '2' } })).toBe('v2');
    expect(find(routes, '/h', { headers: { 'x-version': '3' } })).toBe('excluded');
    expect(find(routes, '/h')).toBe('excluded');
    expect(find(routes, '/q?n=12')).toBe('q');
    expect(find(routes, '/q?n=12x')).toBe('excluded');
  });

  it('say which methods the pattern has', () => {
    const table = new RouteTable(routes);
    const near = (...ids: readonly string[]) => ids.map((id) => expect.objectContaining({ id }) as unknown);
    expect(answer(table, '/a', { method: 'DELETE' })).toEqual({
      kind: 'method_not_allowed',
      allow: ['GET', 'POST', 'HEAD'],
      near: near('get', 'post'),
    });
    expect(answer(table, '/head')).toEqual({ kind: 'method_not_allowed', allow: ['HEAD'], near: near('head') });
    const trace = answer(table, '/z', { method: 'TRACE' });
    const allow = trace.kind === 'method_not_allowed' ? trace.allow : [];
    expect(allow).toEqual(expect.arrayContaining(['GET', 'HEAD', 'POST']));
    expect(allow).not.toContain('TRACE');
  });

  it.each(['TRACE', 'CONNECT'])('never serve %s, not even where it is listed', (method) => {
    expect(find([route('all', '/*')], '/a', { method })).toBe('method_not_allowed');
    expect(find([route('all', '/*', { methods: [method] })], '/a', { method })).toBe('method_not_allowed');
    expect(find([route('all', '/*')], '/a', { method: 'GET' })).toBe('all');
  });

  it.each(['PROPFIND', 'QUERY', 'PURGE', 'OPTIONS'])('of a route without any let %s pass', (method) => {
    expect(find([route('all', '/*')], '/a', { method })).toBe('all');
    expect(find([route('all', '/*', { methods: ['GET'] })], '/a', { method })).toBe('method_not_allowed');
  });

  const by = (match: FieldMatch) => [route('fits', '/a', { headers: [match], query: [match] })];
  const both = (match: FieldMatch, header: string | string[], query: string) =>
    find(by(match), `/a?${query}`, { headers: { x: header } });

  it('compare each value whole', () => {
    const either: FieldMatch = { name: 'x', kind: 'regex', value: '^a|b$' };
    expect(both(either, 'a', 'x=a&x=b')).toBe('fits');
    expect(both(either, 'ax', 'x=a')).toBe('excluded');
    expect(both(either, 'a', 'x=xb')).toBe('excluded');
    expect(both(either, 'a', 'x=a&x=ab')).toBe('excluded');
    expect(both(either, ['a', 'b'], 'x=a')).toBe('fits');
    expect(both(either, ['a', 'ab'], 'x=a')).toBe('excluded');
    const exact: FieldMatch = { name: 'x', kind: 'exact', value: 'a b' };
    expect(both(exact, 'a b', '%78=a+b')).toBe('fits');
    expect(both(exact, 'a b', 'x=a%20b&x=c')).toBe('excluded');
    expect(both(exact, 'A b', 'x=a+b')).toBe('excluded');
    const present: FieldMatch = { name: 'x', kind: 'present', value: '*' };
    expect(both(present, '', 'x')).toBe('fits');
    expect(both(present, '', 'y')).toBe('excluded');
    expect(find(by({ name: 'toString', kind: 'present', value: '*' }), '/a?toString')).toBe('excluded');
    expect(find(by(present), '/a', { headers: { x: '' } })).toBe('excluded');
  });
});
