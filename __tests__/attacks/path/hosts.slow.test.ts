/** Routes by host: found by the whole name in any spelling of the same host, and by no part of it. */
import { statusOf } from '../../support/ask.js';
import { attentiveUpstream, closeGrounds, echo, openGround, type Ground } from '../../support/attack-ground.js';
import { errorsOf, JWT } from '../../config/files.js';

const ROUTES = `
  - { id: a, host: tenant-a.example, path: /*, upstream: backend, auth: none }
  - { id: b, host: tenant-b.example, path: /*, upstream: other, auth: { jwt: true } }
  - { id: wild, host: "*.wild.example", path: /*, upstream: backend, auth: none, overlap: true }
  - { id: puny, host: xn--bcher-kva.example, path: /*, upstream: backend, auth: none }
  - { id: six, host: "[::1]", path: /*, upstream: backend, auth: none }`;

let ground: Ground;
let other: Awaited<ReturnType<typeof attentiveUpstream>>;
beforeAll(async () => {
  other = await attentiveUpstream(echo);
  const upstreams = `  - { name: other, endpoints: ["127.0.0.1:${other.port}"] }`;
  ground = await openGround({ replaceRoutes: true, routes: ROUTES, upstreams });
});
afterAll(async () => {
  await closeGrounds();
  await other.close();
});

/** The status, and the upstream that received the request. */
async function hosted(host: string, target = '/x', ...lines: readonly string[]): Promise<(number | string)[]> {
  const bytes = [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...lines, '', ''].join('\r\n');
  const status = statusOf(await ground.send(bytes));
  const arrived = [...ground.arrived().map(() => 'backend'), ...other.arrived().map(() => 'other')];
  return [status, ...arrived];
}

describe('PATH-26 a host that contains the name of another', () => {
  test.each([
    'tenant-a.example.evil.com',
    'xtenant-a.example',
    'x.tenant-a.example',
    'tenant-a.exampl',
    'tenant-a.examples',
    'tenant-a',
    'tenant_a.example',
    'example',
    'evil.com',
    'wild.example',
    'xwild.example',
    'a.wild.example.evil.com',
    'gw',
  ])('%s has no route, with any path', async (host) => {
    expect(await hosted(host)).toEqual([404]);
    expect(await hosted(host, '/x?tenant-a.example/admin')).toEqual([404]);
    expect(await hosted(host, '/tenant-a.example/admin')).toEqual([404]);
  });

  test.each([
    'tenant-a.example/admin',
    'tenant-a.example@evil.com',
    'evil.com@tenant-a.example',
    'tenant-a.example#',
    'tenant-a.example?x',
    'tenant-a.example, tenant-b.example',
    'tenant-a.example tenant-b.example',
    'tenant-a.example:80:80',
    'tenant-a.example:x',
    'tenant-a.example..',
    '.tenant-a.example',
    'tenant-a..example',
    'tenant-a.example%00',
    'tenant%2da.example',
    '*.wild.example',
    'a.wild.example\\',
    'http://tenant-a.example',
    '[tenant-a.example]',
    '',
  ])('%j is not a host', async (host) => {
    expect(await hosted(host)).toEqual([400]);
  });

  test('two hosts are refused, and no other header sets the host', async () => {
    expect(await hosted('tenant-a.example', '/x', 'Host: tenant-b.example')).toEqual([400]);
    expect(await hosted('tenant-a.example', '/x', 'Host : tenant-b.example')).toEqual([400]);
    for (const name of ['X-Forwarded-Host', 'X-Host', 'X-Original-Host', 'Forwarded', ':authority']) {
      const [status] = await hosted('tenant-b.example', '/x', `${name}: tenant-a.example`);
      expect([name, [400, 401].includes(status as number)]).toEqual([name, true]);
      expect(other.arrived()).toEqual([]);
    }
    expect(await hosted('tenant-b.example', 'http://tenant-a.example/x')).toEqual([400]);
  });

  test('twin: each host has its own upstream', async () => {
    expect(await hosted('tenant-a.example')).toEqual([200, 'backend']);
    expect(await hosted('tenant-b.example')).toEqual([401]);
    const token = `Authorization: Bearer ${await ground.issuer.token()}`;
    expect(await hosted('tenant-b.example', '/x', token)).toEqual([200, 'other']);
    expect(await hosted('a.wild.example')).toEqual([200, 'backend']);
    expect(await hosted('a.b.wild.example')).toEqual([200, 'backend']);
  });
});

describe('PATH-27 spellings of one host', () => {
  const spellings = (host: string): string[] => [
    host,
    host.toUpperCase(),
    `${host}.`,
    `${host}:8080`,
    `${host.toUpperCase()}.:1`,
    host.replace(/^./, (first) => first.toUpperCase()),
  ];

  test.each(['tenant-a.example', 'a.wild.example', 'xn--bcher-kva.example'])(
    'twin: %s is found by all of them',
    async (host) => {
      for (const each of spellings(host)) expect([each, await hosted(each)]).toEqual([each, [200, 'backend']]);
    },
  );

  test('those of a guarded host are all guarded', async () => {
    for (const each of spellings('tenant-b.example')) expect([each, await hosted(each)]).toEqual([each, [401]]);
  });

  test('a name in characters outside ASCII is refused, in any encoding', async () => {
    for (const each of ['b\xc3\xbccher.example', 'b\xfccher.example', 'b%C3%BCcher.example', 'tenant\xad-a.example']) {
      expect([each, await hosted(each)]).toEqual([each, [400]]);
    }
  });

  test('another spelling of an address reaches no route of the first', async () => {
    expect(await hosted('[::1]:8080')).toEqual([200, 'backend']);
    expect(await hosted('[0:0:0:0:0:0:0:1]')).toEqual([404]);
    expect(await hosted('[::0001]')).toEqual([404]);
    expect(await hosted('[::1')).toEqual([400]);
    expect(await hosted('::1')).toEqual([400]);
  });

  test.each([1, 100, 101])('among %d similar hosts', async (count) => {
    const names = Array.from({ length: count }, (_, at) => `h${at}.example`);
    const routes = names.map(
      (host, at) =>
        `  - { host: ${host}, path: /*, upstream: backend, auth: ${at === 0 ? 'none' : '{ jwt: true }'}, overlap: true }`,
    );
    const near = await openGround({
      replaceRoutes: true,
      routes: [...routes, '  - { path: /any, upstream: backend, auth: { jwt: true } }'].join('\n'),
    });
    const statuses = async (hosts: readonly string[]): Promise<number[]> =>
      Promise.all(hosts.map(async (host) => statusOf(await near.send(`GET /x HTTP/1.1\r\nHost: ${host}\r\n\r\n`))));
    expect(await statuses(spellings('h0.example'))).toEqual(Array(6).fill(200));
    expect(await statuses(spellings(`h${count}.example`))).toEqual(Array(6).fill(404));
    if (count > 1) expect(await statuses(spellings(`h${count - 1}.example`))).toEqual(Array(6).fill(401));
    near.arrived();
  });

  test('a host is no guard if all hosts have one upstream: a file that relies on it gets an error', () => {
    const file = (more: string): string => `
middleware: {auth: {jwt: ${JWT}}}
routes:
  - {path: /*, host: public.example, upstream: b, auth: none${more}}
  - {path: /internal/*, host: admin.example, upstream: b, auth: {jwt: true}}
upstreams: [{name: b, endpoints: ["127.0.0.1:9"]}]
`;
    expect(errorsOf(file(''))).toMatchObject([{ code: 'route_overlap' }]);
    expect(errorsOf(file(', overlap: true'))).toEqual([]);
  });
});
