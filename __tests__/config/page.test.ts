import { compileFile } from '../../src/config/index.js';
import { describe as inWords } from '../../src/auth/requirement.js';
import { pageBlocks, pageFile } from './page-blocks.js';

const load = (text: string) => compileFile({ text, file: 'loom.yaml' }, { mode: 'middleware' });

it('finds all fourteen blocks of the page', () => {
  expect(pageBlocks).toHaveLength(14);
});

const ACCESS: readonly (readonly [number, string])[] = [
  [0, 'api_key'],
  [1, 'api_key'],
  [2, 'basic'],
  [3, 'jwt'],
  [4, 'jwt'],
  [5, 'jwt'],
  [6, 'oauth'],
  [7, 'oauth'],
  [8, 'mtls'],
  [9, 'mtls'],
  [11, 'jwt or api_key'],
  [12, 'jwt'],
];

it.each(ACCESS)('loads block %i without routes: every request needs %s', (at, requirement) => {
  const { plan } = load(pageFile(at));
  expect(plan.routes).toEqual([]);
  expect(plan.unmatched && inWords(plan.unmatched)).toBe(requirement);
});

it('protects each route of the per-route example as the page says', () => {
  const { plan, warnings } = load(pageFile(10));
  expect(plan.routes.map(({ id, requirement }) => [id, inWords(requirement)])).toEqual([
    ['public', 'PUBLIC'],
    ['external-api', 'api_key'],
    ['internal-api', 'jwt'],
    ['service-api', 'mtls'],
  ]);
  expect(plan.routes[0]).toMatchObject({ declaredOpen: false });
  expect(warnings.filter(({ code }) => code === 'public_route')).toHaveLength(1);
});

it('sets the headers of the certificate example', () => {
  const { plan } = load(pageFile(9));
  expect(plan.identityHeaders).toEqual([
    'X-Client-Subject',
    'X-Client-Issuer',
    'X-Client-Serial',
    'X-Client-Fingerprint',
  ]);
  expect(plan.listeners[0]?.tls).toMatchObject({ clientAuth: 'require', caFile: '/etc/loom/tls/client-ca.pem' });
});

it('limits by the identity header of the rate limit example', () => {
  const { plan, warnings } = load(pageFile(12));
  expect(plan.rateLimit).toMatchObject({
    rate: { rate: 100, perMs: 1000, burst: 200 },
    key: [{ kind: 'header', name: 'X-User-ID' }],
  });
  expect(warnings.map(({ code }) => code)).not.toContain('client_chooses');
});

it('loads the complete example, verbatim, as middleware', () => {
  const { plan } = load(pageFile(13));
  expect(plan.routes.map(({ requirement }) => inWords(requirement))).toEqual(['PUBLIC', 'jwt or api_key']);
  expect(plan.identityHeaders).toEqual(['X-User-ID', 'X-User-Scopes']);
  expect(plan.upstreams).toMatchObject([{ name: 'backend', endpoints: [{ url: 'http://api.internal:8080' }] }]);
});

it('loads the complete example, verbatim, as a gateway', () => {
  const { plan, warnings } = compileFile({ text: pageFile(13), file: 'loom.yaml' }, { mode: 'serve' });
  expect(plan.listeners).toMatchObject([
    {
      port: 8443,
      protocol: 'https',
      tls: { certFile: '/etc/loom/tls/server.pem', keyFile: '/etc/loom/tls/server-key.pem' },
    },
  ]);
  expect(plan.unmatched).toBeUndefined();
  expect(warnings.map(({ code }) => code).sort()).toEqual(['missing_audience', 'printed_secret', 'public_route']);
});

it('warns that every secret of the page is public', () => {
  const printed = [0, 4, 6, 13].map(
    (at) => load(pageFile(at)).warnings.filter(({ code }) => code === 'printed_secret').length,
  );
  expect(printed).toEqual([2, 1, 1, 1]);
});
