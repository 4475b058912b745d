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
    '/public/..%EF%BC%9B/internal',
    '/public/..%EF%BC%9F/internal',
    '/public/%EF%BC%85%EF%BC%92e%EF%BC%85%EF%BC%92e/internal',
    '/public/..+/internal',
    '/public/.%C2%AD./internal',
    '/internal%EF%BC%9Bx/secret',
    '/internal%EF%BC%9Fx',
    '/internal%EF%BC%83x',
    '/%CD%BE/internal%CD%BE',
    '/inter%C2%ADnal/x',
    '/inter%E2%80%8Dnal/x',
    '/+/internal+/x',
    '/.../internal',
    '/%20/internal/x',
    '/internal%EF%BC%8Fx',
    '/internal%EF%BC%BCx',
  ])('%s never falls to the open route', (url) => {
    expect(find(routes, url)).toMatch(/^(ambiguous_fold|internal|bad_target)$/);
    expect(find([...routes].reverse(), url)).toMatch(/^(ambiguous_fold|internal|bad_target)$/);
  });

  it.each([
    ['/%69nternal/x', 'internal'],
    ['/internal/X', 'internal'],
    ['/internal/x.', 'internal'],
    ['/internal/', 'internal'],
    ['/internal/secret%20', 'internal'],
    ['/Open/x', 'open'],
    ['/a%20b', 'open'],
    ['/c++/%E4%BD%95%EF%BC%9F', 'open'],
    ['/Fate%EF%BC%8Fstay%20night', 'open'],
    ['/100%EF%BC%85', 'open'],
    ['/%F0%9F%91%A9%E2%80%8D%F0%9F%92%BB', 'open'],
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

describe('an exception from a guarded path', () => {
  const routes = [
    route('open', '/*'),
    route('internal', '/internal/*', { requirement: jwt }),
    route('docs', '/internal/docs/*'),
    route('files', '/my%20files/*', { requirement: jwt }),
  ];

  it.each(['/INTERNAL/docs./x', '/INTERNAL/%EF%BD%84ocs/x', '/INTERNAL/do%C2%ADcs/x', '/INTERNAL/docs+/x'])(
    '%s is none to an upstream that ignores case alone',
    (url) => {
      expect(find(routes, url)).toBe('ambiguous_fold');
    },
  );

  it.each([
    ['/internal/docs/x', 'docs'],
    ['/internal/docs/X.', 'docs'],
    ['/internal/docs./x', 'internal'],
    ['/internal/DOCS/x', 'internal'],
    ['/INTERNAL/docs/x', 'open'],
    ['/INTERNAL/DOCS/x', 'open'],
    ['/my+files/x', 'ambiguous_fold'],
    ['/my%20files/x', 'files'],
    ['/my+file/x', 'open'],
  ])('%s is of the route %s', (url, id) => {
    expect(find(routes, url)).toBe(id);
  });

  it('is found beside a pattern in upper case, too', () => {
    const upper = [route('open', '/*'), route('admin', '/Admin/*', { requirement: jwt }), route('docs', '/admin/docs')];
    expect(find(upper, '/Admin./docs')).toBe('ambiguous_fold');
    expect(find(upper, '/admin/docs')).toBe('docs');
  });
});
