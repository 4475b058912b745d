import fc from 'fast-check';
import { RouteTable } from '../../src/gateway/route-table.js';
import { readTarget } from '../../src/gateway/target.js';
import { apiKey, find, jwt, route } from '../support/routes.js';

describe('another spelling of a protected path', () => {
  const routes = [route('open', '/*'), route('internal', '/internal/*', { requirement: jwt })];

  it.each([
    '/INTERNAL/x',
    '/Internal',
    '/%49NTERNAL/x',
    '/internal./x',
    '/internal%20/x',
    '/internal.%20./x',
    '/%C4%B1nternal/x',
    '/%C4%B0nternal/x',
    '/%EF%BD%89nternal/x',
    '/public/%EF%BC%8E%EF%BC%8E/internal',
    '/public/%E2%80%A5/internal',
    '/public/%E2%80%A4%E2%80%A4/internal',
    '/public/%EF%BC%8E%EF%BC%8E%20/internal',
    '/.../internal',
    '/%20/internal/x',
    '/internal%EF%BC%8Fx',
    '/internal%EF%BC%BCx',
  ])('%s never falls to the open route', (url) => {
    expect(find(routes, url)).toMatch(/^(ambiguous_fold|internal)$/);
    expect(find([...routes].reverse(), url)).toMatch(/^(ambiguous_fold|internal)$/);
  });

  it.each([
    ['/%69nternal/x', 'internal'],
    ['/internal/X', 'internal'],
    ['/internal/x.', 'internal'],
    ['/internal/', 'internal'],
    ['/internal/secret%20', 'internal'],
    ['/Open/x', 'open'],
    ['/a%20b', 'open'],
    ['/internals', 'open'],
    ['/%E6%97%A5', 'open'],
    ['/a/INTERNAL', 'open'],
    ['/', 'open'],
  ])('%s is judged as written', (url, id) => {
    expect(find(routes, url)).toBe(id);
  });

  it('passes where both routes ask for the same, or the other is open', () => {
    const same = [route('wide', '/*', { requirement: jwt }), ...routes.slice(1)];
    expect(find(same, '/INTERNAL')).toBe('wide');
    const lax = [route('wide', '/*', { requirement: jwt }), route('open', '/open')];
    expect(find(lax, '/OPEN')).toBe('wide');
    const other = [route('wide', '/*', { requirement: apiKey }), ...routes.slice(1)];
    expect(find(other, '/INTERNAL')).toBe('ambiguous_fold');
  });

  it('is never handed on, also where nothing matches as written', () => {
    expect(find(routes.slice(1), '/INTERNAL')).toBe('ambiguous_fold');
    expect(find(routes.slice(1), '/other')).toBe('none');
  });

  it('is judged by the method that is asked for', () => {
    const byMethod = [
      route('open', '/*'),
      route('read', '/docs', { methods: ['GET'] }),
      route('write', '/docs', { methods: ['POST'], requirement: jwt }),
    ];
    expect(find(byMethod, '/DOCS')).toBe('open');
    expect(find(byMethod, '/DOCS', { method: 'POST' })).toBe('ambiguous_fold');
    expect(find(byMethod, '/DOCS', { method: 'PUT' })).toBe('ambiguous_fold');
  });

  it('is found where the file itself is in upper case', () => {
    const upper = [route('open', '/*'), route('admin', '/Admin/*', { requirement: jwt })];
    expect(find(upper, '/Admin/x')).toBe('admin');
    expect(find(upper, '/admin/x')).toBe('ambiguous_fold');
    expect(find(upper, '/ADMIN/x')).toBe('ambiguous_fold');
    expect(find(upper, '/other')).toBe('open');
  });
});

describe('no normaliser of an upstream', () => {
  const routes = [
    route('open', '/*'),
    route('public', '/public/*'),
    route('internal', '/internal/*', { requirement: jwt }),
  ];
  const table = new RouteTable(routes);
  const decode = (path: string) =>
    path.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());
  const resolved = (path: string) => new URL(`http://h${path}`).pathname;
  const normalisers: readonly ((path: string) => string)[] = [
    resolved,
    (path) => resolved(path.replace(/\/+/g, '/')),
    (path) => resolved(decode(path).replace(/\/+/g, '/')),
    (path) => resolved(decode(decode(path)).replace(/\/+/g, '/')),
    (path) =>
      resolved(
        decode(path)
          .replace(/;[^/]*/g, '')
          .replaceAll('\\', '/')
          .replace(/\/+/g, '/'),
      ),
    (path) => resolved(decode(path).normalize('NFKC').toLowerCase().replace(/\/+/g, '/')),
    (path) =>
      resolved(
        decode(path)
          .toUpperCase()
          .toLowerCase()
          .replace(/[. ]+(?=\/|$)/g, ''),
      ),
  ];
  const gadgets = [
    '/',
    '//',
    '..',
    '.',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '%252e',
    '%252f',
    ';',
    ';x=1',
    '\\',
    '#',
    '?',
    '%00',
    '%20',
    '%09',
  ];
  const marks = [
    '%EF%BC%8E',
    '%EF%BC%8F',
    '%E2%80%A5',
    '%c0%af',
    '%u002e',
    '%',
    '..;',
    '.;',
    '%3b',
    '%23',
    '%3f',
    '~',
    '@',
    '*',
  ];

  function opensInternal(path: string): string | undefined {
    const target = readTarget(path);
    if (target.kind === 'bad' || target.hasEncodedSlash) return undefined;
    const found = table.find({ host: 'gw', target, method: 'GET', headers: {} });
    if (found.kind !== 'route' || found.route.id === 'internal') return undefined;
    return normalisers.map((each) => each(target.path)).find((each) => /^\/internal(\/|$)/i.test(each));
  }

  it('maps an open path under a protected one', () => {
    const pieces = [...gadgets, ...marks];
    const middles = [...pieces, ...pieces.flatMap((a) => pieces.flatMap((b) => pieces.map((c) => a + b + c)))];
    expect(middles.length).toBeGreaterThan(30_000);
    const through = middles.flatMap((middle) =>
      [`/public${middle}internal/secret`, `/${middle}internal/secret`, `/internal${middle}secret`].filter(
        opensInternal,
      ),
    );
    expect(through).toEqual([]);
    expect(opensInternal('/public/honest')).toBeUndefined();
    expect(find(routes, '/public/honest%20path/@x')).toBe('public');
  });

  it('maps any open path made of such pieces under a protected one', () => {
    const piece = fc.constantFrom(...gadgets, ...marks, 'internal', 'INTERNAL', '%69nternal', 'public', 'a');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        expect(opensInternal(`/${pieces.join('')}`)).toBeUndefined();
      }),
      { numRuns: 5_000 },
    );
  });
});
