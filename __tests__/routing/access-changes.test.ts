/** What another file changes for callers: the words, and that no request's change is missed. */
import fc from 'fast-check';
import type { Plan, PlannedRoute } from '../../src/config/plan-types.js';
import { accessChanges, type AccessChange } from '../../src/routing/access-changes.js';
import { RouteTable } from '../../src/routing/route-table.js';
import { readTarget, type Target } from '../../src/http/target.js';
import { cases } from '../support/fast-check-runs.js';
import { apiKey, jwt, route } from '../support/routes.js';

const planOf = (...routes: readonly PlannedRoute[]): Plan => ({ routes, listeners: [] }) as unknown as Plan;
const serving = (...routes: readonly PlannedRoute[]) => ({ plan: planOf(...routes), standalone: true });
const words = (changes: readonly AccessChange[]): string[] =>
  changes.map(({ where, before, after, opens }) => `${where}: ${before} -> ${after}${opens ? ' !' : ''}`);

const admin = (more: Partial<PlannedRoute>) => route('admin', '/admin/*', { requirement: jwt, ...more });
const open = { requirement: { kind: 'open' } as const };

test.each<readonly [string, PlannedRoute[], PlannedRoute[], string[]]>([
  ['nothing', [admin({})], [admin({})], []],
  ['a requirement gone', [admin({})], [admin(open)], ['/admin/*: jwt -> PUBLIC !']],
  ['opened on purpose', [admin({})], [admin({ ...open, declaredOpen: true })], ['/admin/*: jwt -> PUBLIC']],
  ['another method', [admin({})], [admin({ requirement: apiKey })], ['/admin/*: jwt -> api_key']],
  ['a route gone, with nothing below it', [admin({})], [], ['/admin/*: jwt -> 404']],
  [
    'a route gone, with an open one below it',
    [admin({}), route('all', '/*')],
    [route('all', '/*')],
    ['/admin/*: jwt -> PUBLIC !'],
  ],
  [
    'a hole in the middle',
    [admin({})],
    [admin({}), route('hole', '/admin/:id/logo', open)],
    ['/admin/*/logo: jwt -> PUBLIC !'],
  ],
  [
    'a higher priority',
    [admin({}), route('any', '/:a/:b')],
    [admin({}), route('any', '/:a/:b', { priority: 1 })],
    ['/admin/*: jwt -> PUBLIC !'],
  ],
  [
    'one host of two',
    [admin({ host: '*.example.com' })],
    [admin({ host: '*.example.com' }), admin({ host: 'a.example.com', ...open })],
    ['a.example.com/admin/*: jwt -> PUBLIC !'],
  ],
  [
    'some methods',
    [admin({})],
    [admin({ methods: ['GET'], ...open }), admin({ methods: ['POST'] })],
    ['GET,HEAD /admin/*: jwt -> PUBLIC !', 'PUT,PATCH,DELETE,OPTIONS,others /admin/*: jwt -> 405'],
  ],
])('%s', (_name, before, after, expected) => {
  expect(words(accessChanges(serving(...before), serving(...after)))).toEqual(expected);
});

test('plugins that only filter are no guard to fall to, and a guard to lose', () => {
  const waf = { requirement: { kind: 'method', name: 'waf' } as const, filtered: true };
  const all = route('all', '/*', { ...waf, declaredOpen: true });
  expect(words(accessChanges(serving(admin({}), all), serving(all)))).toEqual(['/admin/*: jwt -> waf as a filter !']);
  expect(words(accessChanges(serving(admin(waf)), serving(admin(open))))).toEqual([
    '/admin/*: waf as a filter -> PUBLIC !',
  ]);
  const [own, meant] = [admin({ requirement: waf.requirement }), admin({ ...open, declaredOpen: true })];
  expect(words(accessChanges(serving(admin({}), all), serving(own, all)))).toEqual(['/admin/*: jwt -> waf']);
  expect(words(accessChanges(serving(admin({ ...waf, declaredOpen: true })), serving(meant)))).toEqual([
    '/admin/*: waf as a filter -> PUBLIC',
  ]);
});

test('a handshake that no longer demands a certificate opens a route that says "auth: none" as before', () => {
  const all = route('all', '/*', { declaredOpen: true });
  const behind = { plan: { ...planOf(all), listeners: [{ tls: { clientAuth: 'require' } }] } as unknown as Plan };
  const lost = accessChanges({ ...behind, standalone: true }, serving(all));
  expect(words(lost)).toEqual(['/*: a client certificate -> PUBLIC !']);
});

test('as middleware, what no route matches counts: a route that goes leaves its path to the host application', () => {
  const [before, after] = [planOf(admin({})), planOf()].map((plan) => ({ plan, standalone: false }));
  expect(words(accessChanges(before!, after!))).toEqual(['/admin/*: jwt -> PUBLIC !']);
  const guarded = { plan: { ...planOf(), unmatched: jwt }, standalone: false };
  expect(words(accessChanges(before!, guarded))).toEqual(['/*: PUBLIC -> jwt']);
});

test('where no listener takes a client without a certificate, the handshake guards what no route does', () => {
  const behind = (clientAuth: string, ...routes: readonly PlannedRoute[]) => ({
    plan: { ...planOf(...routes), listeners: [{ tls: { clientAuth } }] } as unknown as Plan,
    standalone: true,
  });
  const [all, meant] = [route('all', '/*'), route('all', '/*', { declaredOpen: true })];
  const certified = behind('require', all);
  expect(words(accessChanges(certified, behind('request', all)))).toEqual(['/*: a client certificate -> PUBLIC !']);
  expect(words(accessChanges(certified, serving(all)))).toEqual(['/*: a client certificate -> PUBLIC !']);
  expect(words(accessChanges(certified, serving(meant)))).toEqual(['/*: a client certificate -> PUBLIC']);
  expect(accessChanges(certified, behind('verify', all))).toEqual([]);
  expect(words(accessChanges(serving(admin({})), certified))).toEqual([
    '/*: 404 -> a client certificate',
    '/admin/*: jwt -> a client certificate',
  ]);
});

test.each<readonly [string, Partial<PlannedRoute> & { path: string }, Partial<PlannedRoute> & { path: string }]>([
  ['loses a segment', { path: '/admin/public/*' }, { path: '/admin/*' }],
  ['loses its host', { path: '/admin/*', host: 's.test' }, { path: '/admin/*' }],
])('an exception of some methods that %s beside its guard has grown over it', (_name, was, is) => {
  const exception = ({ path, ...more }: typeof was): PlannedRoute =>
    route('routes[0]', path, { ...open, declaredOpen: true, methods: ['GET'], ...more });
  const [before, grown] = [serving(exception(was), admin({})), serving(exception(is), admin({}))];
  expect(words(accessChanges(before, grown))).toContain('GET,HEAD /admin/*: jwt -> PUBLIC !');
  // A guard that asks for something else meanwhile is a guard.
  const other = serving(exception(is), admin({ requirement: apiKey }));
  expect(words(accessChanges(before, other))).toContain('GET,HEAD /admin/*: jwt -> PUBLIC !');
  // Without the guard nothing is left to grow over: the file opens what it guarded.
  expect(words(accessChanges(before, serving(exception(is))))).toContain('GET,HEAD /admin/*: jwt -> PUBLIC');
  expect(words(accessChanges(serving(admin({})), grown))).toEqual(['GET,HEAD /admin/*: jwt -> PUBLIC']);
});

const segment = fc.constantFrom('a', 'b', 'c', ':x');
const randomRoute = fc
  .record({
    path: fc.tuple(fc.array(segment, { maxLength: 3 }), fc.boolean()),
    host: fc.constantFrom(undefined, 'a.test', '*.test', '*.a.test'),
    priority: fc.constantFrom(0, 0, 0, 1),
    methods: fc.constantFrom(undefined, undefined, ['GET'], ['GET', 'PUT'], ['POST', 'DELETE']),
    requirement: fc.constantFrom(jwt, apiKey, open.requirement),
    declaredOpen: fc.boolean(),
  })
  .map(({ path: [segments, rest], host, methods, ...more }) =>
    route('r', `/${[...segments, ...(rest ? ['*'] : [])].join('/')}`, {
      ...more,
      ...(host && { host }),
      ...(methods && { methods }),
    }),
  );
const randomRoutes = fc.array(randomRoute, { maxLength: 5 });

test('property: whatever request is judged otherwise by the new table, a line says so', () => {
  const request = fc.record({
    path: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 5 }),
    host: fc.constantFrom('a.test', 'b.test', 'b.a.test', 'other'),
    method: fc.constantFrom('GET', 'POST', 'DELETE', 'HEAD', 'PUT', 'PROPFIND'),
  });
  fc.assert(
    fc.property(randomRoutes, randomRoutes, fc.boolean(), request, (before, edited, edit, asked) => {
      // Edits of a file resemble it: without that, nearly every request would change.
      const after = edit ? [...edited.slice(0, 1), ...before.slice(1).reverse()] : edited;
      const [was, is] = [judged(before, asked), judged(after, asked)];
      if (was === is) return;
      const changes = accessChanges(serving(...before), serving(...after));
      // Both statuses mean that no route takes the request.
      const lines = changes.map(({ before: old, after: next }) => `${old} -> ${next}`.replaceAll('405', '404'));
      expect(lines).toContain(`${was} -> ${is}`);
    }),
    cases(5_000, { cost: 5 }),
  );
});

function judged(
  routes: readonly PlannedRoute[],
  { path, host, method }: { readonly path: readonly string[]; readonly host: string; readonly method: string },
): string {
  const target = readTarget(`/${path.join('/')}`) as Target;
  const found = new RouteTable(routes).find({ host, target, method, headers: {} });
  if (found.kind !== 'route') return '404';
  const { requirement } = found.route;
  return requirement.kind === 'method' ? requirement.name : 'PUBLIC';
}
