import type { Requirement } from '../../src/auth/requirement.js';
import type { PatternSegment, Pattern } from '../../src/config/pattern.js';
import type { PlannedRoute } from '../../src/config/plan-types.js';
import { RouteTable } from '../../src/gateway/route-table.js';
import { readTarget, type Target } from '../../src/gateway/target.js';

const jwt: Requirement = { kind: 'method', name: 'jwt' };

function pattern(path: string): Pattern {
  const rest = path.endsWith('/*');
  const names = (rest ? path.slice(0, -2) : path).split('/').filter((each) => each !== '');
  const segments = names.map((name): PatternSegment =>
    name === '*' || name.startsWith(':') ? { kind: 'one' } : { kind: 'literal', text: name },
  );
  return { segments, rest };
}

function route(id: string, path: string, more: Partial<PlannedRoute> = {}): PlannedRoute {
  return {
    id,
    path,
    pattern: pattern(path),
    headers: [],
    query: [],
    priority: 0,
    requirement: { kind: 'open' },
    declaredOpen: false,
    timeoutMs: 30_000,
    stripPrefix: false,
    allowEncodedSlash: false,
    allowedOrigins: [],
    preserveHost: true,
    maxSessionMs: 3_600_000,
    ...more,
  };
}

function find(
  routes: readonly PlannedRoute[],
  url: string,
  more: { host?: string; method?: string; headers?: Record<string, string> } = {},
) {
  const answer = new RouteTable(routes).find({
    host: more.host ?? 'gw',
    target: readTarget(url) as Target,
    method: more.method ?? 'GET',
    headers: more.headers ?? {},
  });
  return answer.kind === 'route' ? answer.route.id : answer.kind;
}

describe('the route table', () => {
  it('matches a prefix at a segment boundary only, the prefix itself included', () => {
    const routes = [route('public', '/public/*')];
    for (const url of ['/public', '/public/', '/public/a', '/public/a/b']) expect(find(routes, url)).toBe('public');
    for (const url of ['/publicX', '/public-admin', '/', '/p']) expect(find(routes, url)).toBe('none');
  });

  it('prefers the more specific pattern, whatever the order in the file', () => {
    const routes = [route('all', '/*'), route('one', '/a/:id'), route('exact', '/a/b'), route('prefix', '/a/*')];
    for (const list of [routes, [...routes].reverse()]) {
      expect(find(list, '/a/b')).toBe('exact');
      expect(find(list, '/a/c')).toBe('one');
      expect(find(list, '/a/c/d')).toBe('prefix');
      expect(find(list, '/z')).toBe('all');
    }
  });

  it('lets priority win over specificity', () => {
    expect(find([route('exact', '/a/b'), route('wide', '/a/*', { priority: 1 })], '/a/b')).toBe('wide');
  });

  it('prefers an exact host to a wildcard and a wildcard to none, in any spelling of the host', () => {
    const routes = [
      route('any', '/*'),
      route('wild', '/*', { host: '*.example.com' }),
      route('exact', '/*', { host: 'a.example.com' }),
    ];
    for (const host of ['a.example.com', 'A.EXAMPLE.com', 'a.example.com.', 'a.example.com:8080']) {
      expect(find(routes, '/x', { host })).toBe('exact');
    }
    expect(find(routes, '/x', { host: 'b.example.com' })).toBe('wild');
    for (const host of ['example.com', 'a.example.com.evil.com', 'xa-example.com'])
      expect(find(routes, '/x', { host })).toBe('any');
  });

  it('chooses methods, headers and query among the routes of one pattern, never of a broader one', () => {
    const routes = [
      route('get', '/a', { methods: ['GET'] }),
      route('post', '/a', { methods: ['POST'] }),
      route('wide', '/*'),
      route('v2', '/h', { headers: [{ name: 'X-Version', kind: 'exact', value: '2' }] }),
      route('q', '/q', { query: [{ name: 'n', kind: 'regex', value: '^[0-9]+$' }] }),
    ];
    expect(find(routes, '/a', { method: 'HEAD' })).toBe('get');
    expect(find(routes, '/a', { method: 'POST' })).toBe('post');
    expect(find(routes, '/a', { method: 'DELETE' })).toBe('method_not_allowed');
    expect(find(routes, '/h', { headers: { 'x-version': '2' } })).toBe('v2');
    expect(find(routes, '/h', { headers: { 'x-version': '3' } })).toBe('none');
    expect(find(routes, '/q?n=12')).toBe('q');
    expect(find(routes, '/q?n=12x')).toBe('none');
  });

  it.each(['TRACE', 'CONNECT'])('never serves %s', (method) => {
    expect(find([route('all', '/*')], '/a', { method })).toBe('method_not_allowed');
    expect(find([route('all', '/*')], '/a', { method: 'GET' })).toBe('all');
  });

  it('refuses another spelling of a protected path, and lets honest paths beside it pass', () => {
    const routes = [route('open', '/*'), route('internal', '/internal/*', { requirement: jwt })];
    for (const url of ['/INTERNAL/x', '/Internal', '/%49NTERNAL/x', '/internal./x', '/internal%20/x']) {
      expect(find(routes, url)).toBe('ambiguous_fold');
    }
    expect(find(routes, '/%69nternal/x')).toBe('internal');
    expect(find(routes, '/internal/X')).toBe('internal');
    expect(find(routes, '/Open/x')).toBe('open');
  });
});
