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

it('sums each method up, without a secret', () => {
  const { methods } = accessTable(plan);
  expect(methods.map(({ name, routes }) => [name, routes])).toEqual([
    ['jwt', ['both', 'global']],
    ['api_key', ['both']],
  ]);
  expect(Object.fromEntries(methods[0]?.summary ?? [])).toMatchObject({ audience: 'api' });
  expect(JSON.stringify(methods)).not.toContain('k-1234567890abcdef');
});
