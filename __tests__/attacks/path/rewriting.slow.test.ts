/** Paths that a route rewrites: only the matched prefix is removed, and the rest leads nowhere else. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { ask, askBytes, statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { bearerLine, tried } from '../../support/trying.js';
import { errorsOf, JWT } from '../../config/files.js';

let ground: Ground;
beforeAll(async () => {
  const routes = `
  - { id: public, path: /public/*, upstream: backend, auth: none, strip_prefix: true, add_prefix: /site }
  - { id: deep, path: /x/y/*, upstream: backend, auth: none, strip_prefix: true, add_prefix: /z }
  - { id: slashes, path: /slashes/*, upstream: backend, auth: none, strip_prefix: true, add_prefix: /s, allow_encoded_slash: true }
  - { id: cafe, path: /caf%C3%A9/*, upstream: backend, auth: none, strip_prefix: true, add_prefix: /shop }
  - { id: fixed, path: /fixed/*, upstream: backend, auth: none, rewrite: { path: /one } }
  - { id: internal, path: /internal/*, upstream: backend, auth: { jwt: true } }
  - { id: api, path: /api/*, upstream: backend, auth: { jwt: true }, strip_prefix: true, add_prefix: /v1 }`;
  ground = await openGround({ replaceRoutes: true, routes });
});
afterAll(closeGrounds);

describe('PATH-19 a prefix that is removed', () => {
  test.each([
    ['/public../internal/secret', 404],
    ['/public./internal', 404],
    ['/publicinternal', 404],
    ['/public..%2finternal', 400],
    ['/public%2f..%2finternal', 400],
    ['/public/../internal', 400],
    ['/public/..%2finternal', 400],
    ['/public/%2e%2e/internal', 400],
    ['/public//internal', 400],
    ['/public/%2finternal', 400],
    ['/public/..;/internal', 400],
    ['/public/..%20/internal', 400],
    ['/x/y/%E2%80%A5/internal', 400],
    ['/x/y/%EF%BC%8E%EF%BC%8E/%EF%BC%8E%EF%BC%8E/internal', 400],
    ['/x/y/..%EF%BC%9F/internal', 400],
    ['/slashes/..%2finternal', 400],
    ['/slashes/a%2f..%2f..%2finternal', 400],
    ['/slashes/%2finternal', 400],
    ['/slashes%2f..%2finternal', 400],
    ['/slashes/a%2f%2finternal', 400],
    ['/slashes/a%5c..%5cinternal', 400],
  ])('%s leads nowhere', async (path, status) => {
    expect(await tried(ground, path)).toEqual([status]);
  });

  test('an open route that could deliver what another guards is an error of the file', () => {
    const file = (open: string): string => `
middleware: {auth: {jwt: ${JWT}}}
routes:
  - {path: ${open}, upstream: b, auth: none}
  - {path: /internal/*, upstream: b, auth: {jwt: true}}
upstreams: [{name: b, endpoints: ["127.0.0.1:9"]}]
`;
    for (const open of [
      '/public/*, strip_prefix: true',
      '/public/*, strip_prefix: true, add_prefix: /internal',
      '/public/*, strip_prefix: true, add_prefix: /INTERNAL',
      '/public/*, rewrite: {path: /internal/x}',
      '"/public/:a/*", strip_prefix: true',
    ]) {
      expect(errorsOf(file(open))).toMatchObject([{ code: 'route_overlap', path: 'routes[0]' }]);
    }
    expect(errorsOf(file('/public/*, strip_prefix: true, add_prefix: /site'))).toEqual([]);
  });

  test.each([
    ['/public', '/site'],
    ['/public/', '/site'],
    ['/public/a%20b/c?d', '/site/a%20b/c?d'],
    ['/public/public/x', '/site/public/x'],
    ['/x/y/..a', '/z/..a'],
    ['/slashes/a%2fb', '/s/a%2fb'],
    ['/fixed/anything', '/one'],
  ])('twin: %s arrives as %s', async (path, arrived) => {
    expect(await tried(ground, path)).toEqual([200, arrived]);
  });

  test('twin: of a guarded route as well, with a token', async () => {
    expect(await tried(ground, '/api/a%20b', await bearerLine(ground))).toEqual([200, '/v1/a%20b']);
    expect(await tried(ground, '/api/a%20b')).toEqual([401]);
  });
});

describe('PATH-20 a prefix in escapes', () => {
  test.each([
    ['/caf%C3%A9/%2e%2e/internal', 400],
    ['/caf%C3%A9/../internal', 400],
    ['/caf%C3%A9%2finternal', 400],
    ['/caf%C3%A9//internal', 400],
    ['/caf\xc3\xa9/internal', 400],
    ['/caf%E9/internal', 400],
    ['/cafe%CC%81/internal', 404],
    ['/caf%C3%89/internal', 404],
    ['/caf%C3%A9internal', 404],
  ])('%s is refused or does not match', async (path, status) => {
    expect(await tried(ground, path)).toEqual([status]);
  });

  test.each([
    ['/caf%C3%A9/internal', '/shop/internal'],
    ['/caf%c3%a9/internal', '/shop/internal'],
    ['/%63%61%66%C3%A9/internal/%C3%A9', '/shop/internal/%C3%A9'],
    ['/caf%C3%A9/a/caf%C3%A9', '/shop/a/caf%C3%A9'],
    ['/caf%C3%A9', '/shop'],
  ])('twin: %s arrives as %s, the tail byte for byte', async (path, arrived) => {
    expect(await tried(ground, path)).toEqual([200, arrived]);
  });
});

/** Two servers where one port is a prefix of the other: `h:3100` + `1/private` reads as `h:31001` + `/private`. */
async function twoServers(): Promise<{ servers: Server[]; ports: [number, number]; seen: [string[], string[]] }> {
  const listen = (server: Server, port: number): Promise<boolean> =>
    new Promise((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
  for (let short = 2_100 + (process.pid % 1_000); short < 6_500; short++) {
    const seen: [string[], string[]] = [[], []];
    const servers = seen.map((urls) =>
      createServer(
        (req: IncomingMessage, res) => (urls.push(req.url ?? ''), res.end(urls === seen[0] ? 'short' : 'long')),
      ),
    );
    const ports: [number, number] = [short, short * 10 + 1];
    const both = await Promise.all(servers.map((server, at) => listen(server, ports[at] as number)));
    if (both.every(Boolean)) return { servers, ports, seen };
    for (const server of servers) server.close();
  }
  throw new Error('no two such ports are free');
}

describe('PATH-36 upstreams whose addresses run into the path', () => {
  let pair: Awaited<ReturnType<typeof twoServers>>;
  let near: Ground;
  let headers: { readonly Authorization: string };

  beforeAll(async () => {
    pair = await twoServers();
    const [short, long] = pair.ports;
    const routes = `
  - { id: private, path: /private/*, upstream: long, auth: { jwt: true } }
  - { id: open, path: /open/*, upstream: short, auth: none, strip_prefix: true }
  - { id: one, path: /1/*, upstream: short, auth: none }`;
    const upstreams = `
  - { name: short, endpoints: ["127.0.0.1:${short}"] }
  - { name: long, endpoints: ["127.0.0.1:${long}"] }`;
    near = await openGround({ replaceRoutes: true, routes, upstreams });
    headers = { Authorization: `Bearer ${await near.issuer.token()}` };
  });
  afterAll(() => {
    for (const server of pair.servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  const body = async (path: string, fields = {}): Promise<string> =>
    (await ask({ port: near.port, path, headers: fields })).body;

  test('are distinguished for any path, also after a request to the victim', async () => {
    expect(await body('/private/x', headers)).toBe('long');
    pair.seen[1].splice(0);
    for (const path of ['/open/1/private/x', '/1/private/x', '/open/private/x', '/open', '/1']) {
      expect([path, await body(path)]).toEqual([path, 'short']);
    }
    for (const target of [
      '1/private/x',
      '/open1/private',
      ':1/private',
      `http://127.0.0.1:${pair.ports[1]}/private/x`,
    ]) {
      expect([400, 404]).toContain(statusOf(await askBytes(near.port, get(target))));
    }
    expect(pair.seen).toEqual([['/1/private/x', '/1/private/x', '/private/x', '/', '/1'], []]);
  });

  test('twin: with a token the guarded one gets the request', async () => {
    expect(await body('/private/x', headers)).toBe('long');
    expect(pair.seen[1]).toEqual(['/private/x']);
  });
});
