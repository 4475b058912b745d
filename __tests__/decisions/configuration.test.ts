/** What the file's checks decide of several routes, listeners and addresses at once. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { credentialOf, decideAccess } from '../../src/admin/access.js';
import { AdminCredentials } from '../../src/admin/credentials.js';
import type { AdminAuth } from '../../src/config/plan-types.js';
import { accessChanges } from '../../src/routing/access-changes.js';
import { compile, errorsOf } from '../config/files.js';

const AUTH =
  'middleware: { auth: { jwt: { algorithm: HS256, secret: "0123456789abcdef0123456789abcdef", audience: a }, api_key: { keys: [{ key: key-of-alice, name: alice }] } } }';
const UPSTREAM = 'upstreams: [{ name: one, endpoints: ["one:80"] }]';
const fileOf = (...routes: readonly string[]): string => `${AUTH}\nroutes: [${routes.join(', ')}]\n${UPSTREAM}\n`;
const overlapsOf = (...routes: readonly string[]): string[] =>
  errorsOf(fileOf(...routes))
    .filter(({ code }) => code === 'route_overlap')
    .map(({ path }) => path);

describe('a route that delivers what another one guards', () => {
  /** Told apart by the router, one application behind both. */
  const open = (path: string, more = ''): string => `{ path: ${path}, host: a.test, upstream: one, auth: none${more} }`;
  const guarded = (path: string, more = ''): string =>
    `{ path: ${path}, host: b.test, upstream: one, auth: { jwt: true }${more} }`;

  test.each<[string, string, string]>([
    ['a guard whose first segment is anything', open('/admin/list'), guarded('"/:area/list"')],
    ['a guard of everything', open('/admin/list'), guarded('/*')],
    ['a guard with a parameter in the middle', open('/admin/1/edit'), guarded('"/admin/:id/edit"')],
    ['a guard of one literal, delivered by any first segment', open('"/:area/list"'), guarded('/admin/list')],
    ['a guard in another case', open('/Admin/list'), guarded('/admin/*')],
    ['what a prefix that is cut makes of it', open('/public/*', ', strip_prefix: true'), guarded('/admin/*')],
    ['what a prefix that is added makes of it', open('/list', ', add_prefix: /admin'), guarded('"/:area/list"')],
    [
      'what a path that is replaced makes of it',
      open('/list', ', rewrite: { path: /admin/list }'),
      guarded('"/:area/:page"'),
    ],
  ])('is an error, in either order: %s', (_what, weaker, stricter) => {
    expect(overlapsOf(weaker, stricter)).toEqual(['routes[0]']);
    expect(overlapsOf(stricter, weaker)).toEqual(['routes[1]']);
    expect(overlapsOf(weaker.replace(/ }$/, ', overlap: true }'), stricter)).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['another literal behind any first segment', open('/admin/list'), guarded('"/:area/edit"')],
    ['another length', open('/admin/list/1'), guarded('"/:area/list"')],
    ['another first segment', open('/public/*'), guarded('/admin/*')],
  ])('twin: %s is none', (_what, weaker, stricter) => {
    expect(overlapsOf(weaker, stricter)).toEqual([]);
  });

  test('is an error where only the guard stops at a wrong credential', () => {
    const both = (host: string, more = ''): string =>
      `{ path: /admin/*, host: ${host}, upstream: one, auth: { methods: [jwt, api_key]${more} } }`;
    const stop = ', on_invalid: stop';
    expect(overlapsOf(both('a.test'), both('b.test', stop))).toEqual(['routes[0]']);
    expect(overlapsOf(both('a.test', stop), both('b.test', stop))).toEqual([]);
    expect(overlapsOf(both('a.test'), both('b.test'))).toEqual([]);
  });

  test('is found among many guards of one demand', () => {
    const many = Array.from({ length: 20 }, (_, at) => guarded(`/area-${at}/*`));
    expect(overlapsOf(...many, guarded('"/:any/list"'), open('/admin/list'))).toEqual(['routes[21]']);
    expect(overlapsOf(...many, open('/admin/list'))).toEqual([]);
  });
});

describe('two listeners', () => {
  const open = { id: 'all', path: '/*' };
  /** Access as `reload` and `diff` read it, with listeners that ask for certificates so. */
  const ruled = (...asks: readonly (string | undefined)[]) => {
    const { plan } = compile(`routes: [{ id: ${open.id}, path: ${open.path}, upstream: one }]\n${UPSTREAM}\n`);
    const listeners = asks.map((clientAuth) => ({ ...(clientAuth && { tls: { clientAuth } }) }));
    return { plan: { ...plan, listeners: listeners as unknown as typeof plan.listeners }, standalone: true };
  };
  const opens = (before: ReturnType<typeof ruled>, after: ReturnType<typeof ruled>): boolean =>
    accessChanges(before, after).some((change) => change.opens);

  test.each<[string, (string | undefined)[]]>([
    ['the second is plain', ['require', undefined]],
    ['the first is plain', [undefined, 'require']],
    ['one only requests', ['require', 'request']],
    ['one asks for nothing', ['verify', 'none']],
  ])('guard nothing together where %s', (_what, asks) => {
    expect(opens(ruled('require', 'verify'), ruled(...asks))).toBe(true);
    // What was open already is not opened.
    expect(opens(ruled(...asks), ruled(undefined, undefined))).toBe(false);
  });

  test('twin: guard where each of them wants a certificate', () => {
    expect(opens(ruled('require', 'verify'), ruled('verify', 'require'))).toBe(false);
    expect(opens(ruled('require'), ruled('require', 'verify'))).toBe(false);
  });
});

describe('the administrator’s address without a credential', () => {
  /** A request that came to this address of the machine. */
  function from(localAddress: string, ...rawHeaders: readonly string[]): IncomingMessage {
    const socket = Object.defineProperty(new Socket(), 'localAddress', { value: localAddress });
    return Object.assign(new IncomingMessage(socket), { rawHeaders: [...rawHeaders] });
  }
  const none: AdminAuth = { kind: 'none' };
  const bearer: AdminAuth = { kind: 'bearer', token: 'a-token-of-sixteen-or-more' };
  const admitted = (req: IncomingMessage, auth: AdminAuth, host?: string): string =>
    decideAccess(req, 'reader', { port: 9091, auth, ...(host && { host }) });
  const checked = async (req: IncomingMessage): Promise<string> => {
    expect(admitted(req, bearer)).toBe('credential');
    const credentials = new AdminCredentials(Date.now);
    return credentials.check({ role: 'reader', given: credentialOf(req), address: '10.0.0.9' }, { auth: bearer });
  };

  test.each(['10.0.0.1', '192.168.1.2', '::ffff:10.0.0.1', '2001:db8::1', '0.0.0.0', '128.0.0.1', '1.127.0.0', ''])(
    'refuses every request from %s, also if its headers name a loopback address',
    (address) => {
      for (const host of ['localhost', '127.0.0.1', '[::1]:9091', address])
        expect(admitted(from(address, 'Host', host), none)).not.toBe('granted');
      expect(admitted(from(address, 'Host', 'localhost', 'X-Forwarded-For', '127.0.0.1'), none)).toBe('open_address');
      expect(admitted(from(address, 'Host', 'localhost'), none, '127.0.0.1')).toBe('open_address');
    },
  );

  test.each(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])(
    'twin: accepts a request without a credential from %s',
    (address) => {
      expect(admitted(from(address, 'Host', 'localhost'), none)).toBe('granted');
    },
  );

  test('twin: accepts the credential on every address', async () => {
    const right = ['Host', 'localhost', 'Authorization', 'Bearer a-token-of-sixteen-or-more'];
    expect(await checked(from('10.0.0.1', ...right))).toBe('granted');
    expect(await checked(from('10.0.0.1', 'Host', 'localhost'))).toBe('unauthorized');
    expect(await checked(from('127.0.0.1', 'Host', 'localhost'))).toBe('unauthorized');
    expect(await checked(from('10.0.0.1', ...right, 'Authorization', 'Bearer x'))).toBe('unauthorized');
  });
});
