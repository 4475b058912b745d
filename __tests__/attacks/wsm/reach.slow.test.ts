/**
 * What plugins can reach: the upstreams that the file allows, in bounded number and time, and nothing of the gateway.
 */
import { statusOf } from '../../support/ask.js';
import { get, type Ground } from '../../support/attack-ground.js';
import { valuesOf } from '../../support/messages.js';
import { AT, callback, i32, PAUSE, type Kit } from '../../support/wat-plugin.js';
import { closePlugins, expecting, expectRefused, ISOLATIONS, openPlugins } from './plugin-ground.js';

const SECRETS = [
  'auth.secret',
  'config',
  'env',
  'process.env',
  'xds.node',
  'node',
  'listener_metadata',
  'route_metadata',
  'upstream.tls',
  'constructor',
  '__proto__',
  'connection.pem',
  'request.headers.x-absent',
];
const NOWHERE = [
  '169.254.169.254',
  '127.0.0.1:9091',
  'localhost',
  'backend',
  '',
  'http://127.0.0.1',
  'authz\0',
  'AUTHZ',
  '__proto__',
  'constructor',
];

const reaches = (kit: Kit) => ({
  imports: `(import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))`,
  body: callback(
    'proxy_on_http_call_response',
    5,
    `
    ${kit.do('proxy_set_effective_context', '(global.get $asker)')}
    (if (i32.eqz (local.get 2)) (then ${kit.respond(403)}) (else ${kit.respond(409)}))`,
    false,
  ),
  allocator: `(global $asker (mut i32) (i32.const 0)) (global $made (mut i32) (i32.const 0))
    (func (export "malloc") (param i32) (result i32) (i32.const 65536))`,
  onRequest: `
    (global.set $asker (local.get 0))
    ${NOWHERE.map((name, at) => kit.on(String.fromCharCode(65 + at), expecting(kit, 2, kit.call(name)))).join('\n')}
    ${SECRETS.map((name, at) => kit.on(String.fromCharCode(97 + at), expecting(kit, 1, kit.ask('proxy_get_property', kit.text(name.replaceAll('.', '\0')), i32(AT.pointer), i32(AT.size))))).join('\n')}
    ${kit.on('0', `(drop (call $environ (i32.const 48) (i32.const 52))) ${expecting(kit, 0, '(i32.load (i32.const 48))')}`)}
    ${kit.on('1', expecting(kit, 52, '(call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0))'))}
    ${kit.on('2', expecting(kit, 52, '(call $accept (i32.const 3) (i32.const 0) (i32.const 0))'))}
    ${kit.on(
      '3',
      `(loop $l (drop ${kit.call('authz', { path: '/many' })})
      (global.set $made (i32.add (global.get $made) (i32.const 1))) (br_if $l (i32.lt_u (global.get $made) (i32.const 100))))
      (return ${PAUSE})`,
    )}
    ${kit.on('4', `(drop ${kit.call('authz', { path: 'http://169.254.169.254/latest' })}) (return ${PAUSE})`)}
    ${kit.on('5', `(drop ${kit.call('authz', { path: '/slow', timeoutMs: 100 })}) (return ${PAUSE})`)}
    ${kit.on('6', `(drop ${kit.call('authz', { path: '/a b\u007f' })}) (return ${PAUSE})`)}
    ${kit.on('7', `(drop ${kit.call('authz', { method: 'GET / HTTP/1.1' })}) (return ${PAUSE})`)}
    ${kit.on(
      '8',
      `(drop ${kit.call('authz', {
        path: '/fine',
        more: [
          ['Transfer-Encoding', 'chunked'],
          ['Content-Length', '9'],
          ['Connection', 'close'],
          ['Host', 'evil'],
        ],
      })}) (return ${PAUSE})`,
    )}
    ${kit.grant()}`,
});

let ground: Ground;
beforeAll(async () => {
  ground = await openPlugins(
    { reaches: { build: reaches, options: 'upstreams: [authz], timeout: 5s, pause_timeout: 3s' } },
    {
      upstreams: '  - { name: authz, endpoints: ["127.0.0.1:UPSTREAM"] }',
      answer: ({ target }) => (target === '/slow' ? undefined : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
      env: { LOOM_SECRET_OF_THE_TEST: 'in-the-environment' },
    },
  );
  ground.secrets.push('in-the-environment');
});
afterAll(closePlugins);

describe.each(ISOLATIONS)('%s', (_where, suffix) => {
  describe('WSM-09 a plugin that sends calls', () => {
    test.each(NOWHERE.map((name, at) => [name, String.fromCharCode(65 + at)]))(
      'to %j: no request is sent',
      async (_name, letter) => {
        await expectRefused(ground, 403, `/reaches${suffix}/x`, `X-Do: ${letter}`);
      },
    );

    test.each(SECRETS.map((name, at) => [name, String.fromCharCode(97 + at)]))(
      'for the property %s: there is none',
      async (_name, letter) => {
        await expectRefused(ground, 403, `/reaches${suffix}/x`, `X-Do: ${letter}`);
      },
    );

    test.each([
      ['for the environment', '0'],
      ['for a file', '1'],
      ['for a socket', '2'],
      ['with a URL as path', '4'],
      ['with an invalid path', '6'],
      ['with an invalid method', '7'],
    ])('%s: there is nothing', async (_what, letter) => {
      await expectRefused(ground, 403, `/reaches${suffix}/x`, `X-Do: ${letter}`);
    });

    test('a hundred times at once: at most eight calls are open for one request', async () => {
      expect(statusOf(await ground.send(get(`/reaches${suffix}/x`, 'X-Do: 3')))).toBe(409);
      expect(ground.arrived().filter(({ target }) => target === '/many').length).toBeLessThanOrEqual(8);
    });

    test('to an upstream that does not answer: its call ends at its timeout', async () => {
      expect(statusOf(await ground.send(get(`/reaches${suffix}/x`, 'X-Do: 5')))).toBe(403);
      expect(ground.arrived().map(({ target }) => target)).toEqual(['/slow']);
    });

    test("twin: to the upstream that the file allows, in one message whose framing is the host's", async () => {
      expect(statusOf(await ground.send(get(`/reaches${suffix}/x`, 'X-Do: 8')))).toBe(409);
      const [call, ...more] = ground.arrived();
      expect([call?.target, more]).toEqual(['/fine', []]);
      expect(call && valuesOf(call, 'host')).toEqual(['authz.example']);
      expect(call && valuesOf(call, 'content-length')).toEqual(['0']);
    });
  });
});
