/** Attacks on the route table: segment boundaries, order and overlap, unmatched paths, and the cost. */
import { RouteTable } from '../../../src/routing/route-table.js';
import { readTarget } from '../../../src/http/target.js';
import { ask } from '../../support/ask.js';
import { closeGrounds, openGround, type Ground } from '../../support/attack-ground.js';
import { growsInProportion, shortest } from '../../support/growth.js';
import { jwt, route } from '../../support/routes.js';
import { bearerLine, tried } from '../../support/trying.js';
import { errorsOf, JWT, warningsOf } from '../../config/files.js';

let ground: Ground;
/** The broad route is guarded and comes first. Its exceptions are open. */
let guarded: Ground;
beforeAll(async () => {
  ground = await openGround();
  const routes = `
  - { id: all, path: /*, upstream: backend, auth: { jwt: true } }
  - { id: open, path: /public/*, upstream: backend, auth: none }
  - { id: health, path: /api/v1/health, upstream: backend, auth: none }
  - { id: api, path: /api/*, upstream: backend, auth: { jwt: true } }`;
  guarded = await openGround({ replaceRoutes: true, routes });
});
afterAll(closeGrounds);

describe('PATH-18 a prefix ends at a segment', () => {
  test.each([
    ['/publicX', 404],
    ['/public-admin', 404],
    ['/publi', 404],
    ['/public.', 404],
    ['/public%20', 404],
    ['/public%2e', 404],
    ['/public~', 404],
    ['/public%2fx', 400],
    ['/public%00/x', 400],
    ['/public;/x', 404],
    ['/public\\x', 400],
  ])('%s does not match /public/*', async (path, status) => {
    expect(await tried(ground, path)).toEqual([status]);
    // With a guarded catch-all the path matches that route.
    expect([400, 401, 404]).toContain((await tried(guarded, path))[0]);
    expect(guarded.arrived()).toEqual([]);
  });

  test.each(['/public', '/public/', '/public/X', '/public/-admin', '/public?x'])('twin: %s does', async (path) => {
    expect(await tried(ground, path)).toEqual([200, path]);
    expect(await tried(guarded, path)).toEqual([200, path]);
  });
});

describe('PATH-28 order and overlap', () => {
  test('the narrow guarded route wins over a broad open one that comes first', () => {
    const open = '{path: /*, auth: none}';
    const narrow = '{path: /internal/*, auth: {jwt: true}}';
    for (const routes of [`[${open}, ${narrow}]`, `[${narrow}, ${open}]`]) {
      expect(errorsOf(`middleware: {auth: {jwt: ${JWT}}}\nroutes: ${routes}\n`)).toEqual([]);
    }
    const table = new RouteTable([route('open', '/*'), route('internal', '/internal/*', { requirement: jwt })]);
    const target = readTarget('/internal/x');
    if (target.kind === 'bad') throw new Error(target.reason);
    expect(table.find({ host: 'gw', target, method: 'GET', headers: {} })).toMatchObject({ route: { id: 'internal' } });
  });

  test('a guarded route hidden by a weaker one with a higher priority is an error; any other hidden one is a warning', () => {
    const file = (first: string, second: string): string =>
      `middleware: {auth: {jwt: ${JWT}}}\nroutes:\n  - ${first}\n  - ${second}\n  - {path: /x, auth: {jwt: true}}\n`;
    const hiding = file('{path: /*, priority: 9, auth: none}', '{path: /internal/*, auth: {jwt: true}}');
    expect(errorsOf(hiding)).toMatchObject([
      { code: 'route_hidden', path: 'routes[1]' },
      { code: 'route_hidden', path: 'routes[2]' },
    ]);
    const honest = file('{path: /*, priority: 9, auth: {jwt: true}}', '{path: /internal/*, auth: none}');
    expect(errorsOf(honest)).toEqual([]);
    expect(warningsOf(honest)).toContainEqual(expect.objectContaining({ code: 'route_hidden', path: 'routes[1]' }));
  });

  test.each([
    ['/api/v1/health/../../internal', 400],
    ['/api/v1/health/%2e%2e/x', 400],
    ['/api/v1/health/x', 401],
    ['/api/v1/healthz', 401],
    ['/api/v1/health.json', 401],
    ['/api/v1/health;/x', 400],
    ['/api/v1/health%2fx', 400],
    ['/api/v1', 401],
    ['/internal', 401],
  ])('%s is not the open exception', async (path, status) => {
    expect(await tried(guarded, path)).toEqual([status]);
  });

  test('twin: the exception is open, its surroundings with a token', async () => {
    expect(await tried(guarded, '/api/v1/health')).toEqual([200, '/api/v1/health']);
    expect(await tried(guarded, '/api/v1/health/')).toEqual([200, '/api/v1/health/']);
    expect(await tried(guarded, '/api/v1/x', await bearerLine(guarded))).toEqual([200, '/api/v1/x']);
  });
});

describe('PATH-29 unmatched paths', () => {
  const unknown = [
    '/',
    '/nope',
    '/Internal',
    '/Public/x',
    '/internals',
    '/api',
    '/api/v2',
    '/api/v1x',
    '/favicon.ico',
    '/*',
    '/:id',
  ];

  test.each([...unknown, '/.well-known/x', '/public%20x', '/%69nternals', '/x?/public/', '/x/internal'])(
    '%s is 404, and nothing of it arrives',
    async (path) => {
      expect(await tried(ground, path)).toEqual([404]);
      const { body, status } = await ask({ port: ground.port, path });
      expect([status, JSON.parse(body) as unknown]).toMatchObject([404, { code: 'no_route' }]);
      expect(ground.received().join('')).not.toContain(` ${path} HTTP`);
    },
  );

  test.each(['POST', 'DELETE', 'OPTIONS', 'PROPFIND'])('the same by %s', async (method) => {
    expect((await ask({ port: ground.port, path: '/nope', method })).status).toBe(404);
    expect(ground.arrived()).toEqual([]);
  });

  test('twin: a matched path arrives', async () => {
    expect(await tried(ground, '/public/nope')).toEqual([200, '/public/nope']);
  });
});

describe('PATH-33 long paths', () => {
  const table = new RouteTable([
    route('open', '/*'),
    route('internal', '/internal/*', { requirement: jwt }),
    route('deep', '/:a/:b/:c/:d/x', { requirement: jwt }),
  ]);
  const judge = (path: string): void => {
    const target = readTarget(path);
    if (target.kind === 'target') table.find({ host: 'gw', target, method: 'GET', headers: {} });
  };

  test.each(['a', '/a', '/..', '/A', '/a.', '%20', '/%C4%B1', '%EF%BC%8F', '/+', '/%EF%BC%9Ba', '((', '%2f', '/.%20'])(
    'of %j cost linear time in their length',
    (unit) => {
      const long = (bytes: number): string => `/x${unit.repeat(Math.ceil(bytes / unit.length))}`;
      expect(growsInProportion(long, judge, 8_000)).toBe(true);
    },
  );

  test.each([
    ['8 KiB', `/public/${'a'.repeat(8_192)}`, 200],
    ['256 segments', `/public${'/a'.repeat(255)}`, 200],
    ['257 segments', `/public${'/a'.repeat(256)}`, 400],
    ['4,000 segments', `/public${'/a'.repeat(4_000)}`, 400],
    ['4,000 times ..', `/public${'/..'.repeat(4_000)}`, 400],
    ['2,000 times %2e%2e', `/public${'/%2e%2e'.repeat(2_000)}`, 400],
    ['60 KiB', `/public/${'a'.repeat(60_000)}`, 431],
    ['20 KiB of query', `/public/x?${'a'.repeat(20_000)}`, 431],
  ])('of %s are answered', async (_what, path, status) => {
    expect((await tried(ground, path))[0]).toBe(status);
  });

  test('twin: an honest path of 2 KiB arrives whole', async () => {
    const path = `/public/${'caf%C3%A9/'.repeat(200)}`;
    expect(await tried(ground, path)).toEqual([200, path]);
  });
});

describe('PATH-34 patterns that would cost too much', () => {
  test.each([
    '/*a-*b-:c',
    '/{a}{b}{c}{d}{e}:z',
    '/:a-:b',
    '/:a:b',
    '/a*',
    '/**',
    '/:a?',
    '/(a+)+$',
    '/:a(\\d+)',
    '/{a}-{b}',
    '/a{,b}',
  ])('%s is not a pattern', (path) => {
    const file = `middleware: {auth: {jwt: ${JWT}}}\nroutes: [{path: ${JSON.stringify(path)}, auth: {jwt: true}}]\n`;
    const [error] = errorsOf(file);
    expect(error).toMatchObject({ path: 'routes[0].path' });
  });

  test('many parameters are matched in a time that depends only on the table', () => {
    const patterns = Array.from(
      { length: 12 },
      (_, depth) =>
        `/${Array(depth + 1)
          .fill(':a')
          .join('/')}/x`,
    );
    const literal = Array.from(
      { length: 12 },
      (_, depth) =>
        `/${Array(depth + 1)
          .fill('a')
          .join('/')}/:b/x`,
    );
    const table = new RouteTable([...patterns, ...literal].map((path, at) => route(`r${at}`, path)));
    const judge = (path: string): void => {
      const target = readTarget(path);
      if (target.kind === 'target') table.find({ host: 'gw', target, method: 'GET', headers: {} });
    };
    for (const path of [
      `/${'a-'.repeat(5_000)}`,
      '/a'.repeat(5_000),
      `${'/a'.repeat(12)}/y`,
      `/${'-'.repeat(9_000)}`,
    ]) {
      expect(shortest(() => judge(path))).toBeLessThan(50);
    }
  });

  test('twin: parameters of whole segments are patterns', () => {
    for (const path of ['/:a/:b', '/{a}/x/{b}/*', '/*/x/*', '/a-b/:c_d']) {
      const file = `middleware: {auth: {jwt: ${JWT}}}\nroutes: [{path: ${JSON.stringify(path)}, auth: {jwt: true}}]\n`;
      expect(errorsOf(file)).toEqual([]);
    }
  });
});
