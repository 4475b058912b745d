import { accessTable } from '../../src/config/access.js';
import { API_KEY, compile, JWT } from './files.js';

const { plan } =
  compile(`middleware: {auth: {jwt: ${JWT.replace('}', ', claims_to_headers: {sub: X-User-ID}}')}, api_key: ${API_KEY}, chain: [jwt]}}
routes:
  - {id: public, path: /public/*, auth: none, upstream: backend}
  - {id: both, path: /both, methods: [GET], host: a.test, auth: {methods: [jwt, api_key]}, upstream: backend}
  - {id: global, path: /global}
upstreams: [{name: backend, endpoints: ["h:1"]}]`);

it('says of each route who may pass, and of what no route matches', () => {
  expect(accessTable(plan).rows).toEqual([
    {
      route: 'public',
      path: '/public/*',
      requirement: 'PUBLIC',
      public: true,
      declaredOpen: true,
      upstream: 'backend',
      identityHeaders: [],
    },
    {
      route: 'both',
      host: 'a.test',
      path: '/both',
      methods: ['GET'],
      requirement: 'jwt or api_key',
      public: false,
      declaredOpen: false,
      upstream: 'backend',
      identityHeaders: ['X-User-ID'],
    },
    {
      route: 'global',
      path: '/global',
      requirement: 'jwt',
      public: false,
      declaredOpen: false,
      identityHeaders: ['X-User-ID'],
    },
    {
      route: '(no route)',
      path: '/*',
      requirement: 'jwt',
      public: false,
      declaredOpen: false,
      identityHeaders: ['X-User-ID'],
    },
  ]);
});

it('says what happens to a request that no route matches: the chain, 404, or the host application', () => {
  const last = (text: string, unmatched: '404' | 'next()') =>
    accessTable(compile(text).plan, { unmatched }).rows.at(-1);
  const routes = 'routes: [{path: /a, auth: {api_key: true}}]\n';
  const auth = `middleware: {auth: {api_key: ${API_KEY}}}\n`;
  expect(last(`${auth}${routes}`, '404')).toMatchObject({ route: '(no route)', requirement: '404', public: false });
  expect(last(`${auth}${routes}`, 'next()')).toMatchObject({ requirement: 'PUBLIC', public: true, upstream: 'next()' });
  const chain = `middleware: {auth: {api_key: ${API_KEY}, chain: [api_key]}}\n`;
  expect(last(`${chain}${routes}`, 'next()')).toMatchObject({ route: '(no route)', requirement: 'api_key' });
});

it('lists the health path as public', () => {
  const { rows } = accessTable(compile(`health: {path: /healthz}\nmiddleware: {auth: {api_key: ${API_KEY}}}\n`).plan);
  expect(rows[0]).toMatchObject({ route: '(health)', path: '/healthz', methods: ['GET', 'HEAD'], public: true });
});

it('sums each method up, without a secret', () => {
  const { methods } = accessTable(plan);
  expect(methods.map(({ name, routes }) => [name, routes])).toEqual([
    ['jwt', ['both', 'global']],
    ['api_key', ['both']],
  ]);
  expect(Object.fromEntries(methods[0]?.summary ?? [])).toMatchObject({ audience: 'api' });
  expect(JSON.stringify(methods)).not.toContain('k-1234567890abcdef');
});
