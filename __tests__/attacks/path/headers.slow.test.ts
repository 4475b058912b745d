/** Headers that name another path, or request a bypass: only the target and a credential count. */
import { valuesOf } from '../../support/messages.js';
import { ALICE_KEY, closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { bearerLine, tried, WIDE } from '../../support/trying.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround(WIDE)));
afterAll(closeGrounds);

/** The header fields of this name that the upstream received with an honest request. */
async function arriving(name: string, ...lines: readonly string[]): Promise<string[]> {
  await ground.send(get('/public/x', ...lines));
  return ground.arrived().flatMap((message) => valuesOf(message, name));
}

describe('PATH-14 headers that name another path', () => {
  const names = [
    'x-envoy-original-path',
    'X-Original-URL',
    'X-Original-URI',
    'X-Original-Path',
    'X-Rewrite-URL',
    'X-Rewrite-URI',
    'X_Rewrite_URL',
    'X-HTTP-Path-Override',
    'X-Forwarded-Path',
    'X-Forwarded-Prefix',
    'X-Forwarded-Uri',
  ];

  test.each(names)('%s neither opens a route nor arrives', async (name) => {
    expect(await tried(ground, '/internal/secret', `${name}: /public`)).toEqual([401]);
    expect(await tried(ground, '/exact', `${name}: /public/x`)).toEqual([401]);
    expect(await arriving(name, `${name}: /internal/secret`)).toEqual([]);
  });

  test('twin: a header that names no path arrives', async () => {
    expect(await arriving('X-Path-Of-Mine', 'X-Path-Of-Mine: /internal')).toEqual(['/internal']);
  });
});

describe('PATH-37 headers that a gateway might use internally', () => {
  test.each([
    ['x-middleware-subrequest', 'middleware:middleware:middleware:middleware:middleware'],
    ['x-middleware-subrequest', 'src/middleware'],
    ['x-internal', 'true'],
    ['x-internal-request', '1'],
    ['x-gw-authenticated', 'true'],
    ['x-gw-route', 'public'],
    ['x-loom-auth', 'granted'],
    ['x-loom-route', 'public'],
    ['x-authenticated', 'true'],
    ['x-skip-auth', '1'],
    ['x-forwarded-user', 'admin'],
    ['x-real-ip', '127.0.0.1'],
    ['via', '1.1 gw'],
  ])('%s: %s has no effect', async (name, value) => {
    expect(await tried(ground, '/internal/secret', `${name}: ${value}`)).toEqual([401]);
    expect(await tried(ground, '/api/v1/x', `${name}: ${value}`)).toEqual([401]);
  });

  test('a header that makes a framework skip its own checks does not arrive', async () => {
    for (const name of ['x-middleware-subrequest', 'X_Middleware_Subrequest', 'X-Middleware-SubRequest']) {
      expect(await arriving('x-middleware-subrequest', `${name}: middleware`)).toEqual([]);
      expect(await arriving('X_Middleware_Subrequest', `${name}: middleware`)).toEqual([]);
    }
  });

  test('twin: with a credential the same requests pass', async () => {
    expect(await tried(ground, '/internal/x', 'x-internal: true', await bearerLine(ground))).toEqual([
      200,
      '/internal/x',
    ]);
    const key = `X-API-Key: ${ALICE_KEY['X-API-Key']}`;
    expect(await tried(ground, '/api/v1/x', 'x-loom-route: public', key)).toEqual([200, '/api/v1/x']);
  });
});

describe('PATH-38 requests that look like health checks', () => {
  test.each([
    'GoogleHC/1.0',
    'kube-probe/1.30',
    'ELB-HealthChecker/2.0',
    'Amazon-Route53-Health-Check-Service',
    'Prometheus/2',
  ])('of %s need a credential as well', async (agent) => {
    for (const path of ['/internal/x', '/internal/health', '/exact']) {
      expect(await tried(ground, path, `User-Agent: ${agent}`)).toEqual([401]);
    }
  });

  test('the listener has no health path of its own', async () => {
    // The open catch-all gets these. No other handler answers them.
    for (const path of ['/health', '/healthz', '/ping', '/ready', '/metrics']) {
      expect(await tried(ground, path, 'User-Agent: kube-probe/1.30')).toEqual([200, path]);
      expect(await tried(ground, `/internal${path}`, 'User-Agent: kube-probe/1.30')).toEqual([401]);
    }
  });

  test('twin: with a token a health check passes', async () => {
    const lines = ['User-Agent: kube-probe/1.30', await bearerLine(ground)];
    expect(await tried(ground, '/internal/health', ...lines)).toEqual([200, '/internal/health']);
  });
});
