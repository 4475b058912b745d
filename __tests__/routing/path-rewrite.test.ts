import fc from 'fast-check';
import { parsePattern, type Pattern } from '../../src/config/pattern.js';
import { upstreamPath, type Rewriting } from '../../src/routing/path-rewrite.js';
import { readTarget } from '../../src/http/target.js';
import { cases } from '../support/fast-check-runs.js';

type Rewrite = Partial<Omit<Rewriting, 'pattern'>>;

const sent = (pattern: string, path: string, rewrite: Rewrite = { stripPrefix: true }) =>
  upstreamPath({ pattern: parsePattern(pattern) as Pattern, stripPrefix: false, ...rewrite }, path);

it.each([
  ['/api/*', '/api', '/'],
  ['/api/*', '/api/', '/'],
  ['/api/*', '/api/a', '/a'],
  ['/api/*', '/api/a/', '/a/'],
  ['/api/*', '/api/a%20b/%C3%A9/@c', '/a%20b/%C3%A9/@c'],
  ['/api/*', '/api/api/a', '/api/a'],
  ['/api/v1/*', '/api/v1/a', '/a'],
  ['/api/:id/*', '/api/7/a', '/7/a'],
  ['/:id/*', '/7/a', '/7/a'],
  ['/*', '/a/b', '/a/b'],
  ['/', '/', '/'],
  ['/exact', '/exact', '/'],
  ['/café/*', '/caf%c3%a9/internal', '/internal'],
  ['/caf%C3%A9/*', '/%63af%C3%A9/x', '/x'],
])('strips what %s fixes from %s', (pattern, path, upstream) => {
  expect(sent(pattern, path)).toBe(upstream);
});

it.each([
  [{}, '/api/a/', '/api/a/'],
  [{ addPrefix: '/v2' }, '/api/a', '/v2/api/a'],
  [{ addPrefix: '/v2', stripPrefix: true }, '/api/a', '/v2/a'],
  [{ addPrefix: '/v2/', stripPrefix: true }, '/api/a', '/v2/a'],
  [{ addPrefix: '//v2//', stripPrefix: true }, '/api/a', '/v2/a'],
  [{ addPrefix: 'v2', stripPrefix: true }, '/api/a', '/v2/a'],
  [{ addPrefix: '/v2', stripPrefix: true }, '/api', '/v2'],
  [{ addPrefix: '/', stripPrefix: true }, '/api', '/'],
  [{ addPrefix: '/', stripPrefix: true }, '/api/a', '/a'],
  [{ addPrefix: '' }, '/api/a', '/api/a'],
  [{ rewritePath: '/fixed/a' }, '/api/a', '/fixed/a'],
  [{ rewritePath: '//fixed' }, '/api/a', '/fixed'],
  [{ rewritePath: 'fixed' }, '/api/a', '/fixed'],
  [{ rewritePath: '/fixed', addPrefix: '/v2', stripPrefix: true }, '/api/a', '/fixed'],
])('by %j sends %s as %s', (rewrite, path, upstream) => {
  expect(sent('/api/*', path, rewrite)).toBe(upstream);
});

it('sends the tail of the bytes that were matched, rooted once, whatever they are', () => {
  const piece = fc.constantFrom('/', 'a', '%20', '%2e', '..', '.', '%C3%A9', '@', '%2f', '+');
  const prefix = fc.constantFrom(undefined, '/v2', 'v2/', '//v2', '/');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), prefix, (pieces, addPrefix) => {
      const path = `/api/${pieces.join('')}`;
      fc.pre(readTarget(path).kind === 'target');
      const upstream = sent('/api/*', path, { stripPrefix: true, ...(addPrefix && { addPrefix }) });
      expect(upstream).toMatch(/^\/(?!\/)/);
      expect(upstream.endsWith(path.slice('/api/'.length))).toBe(true);
      expect(readTarget(upstream).kind).toBe('target');
    }),
    cases(2_000, { cost: 5 }),
  );
});
