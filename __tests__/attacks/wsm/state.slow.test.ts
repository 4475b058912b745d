/** State that plugins keep: nothing of one request reaches another. */
import { statusOf } from '../../support/ask.js';
import { get, type Ground } from '../../support/attack-ground.js';
import { valuesOf } from '../../support/messages.js';
import { AT, callback, i32, PAUSE, type Kit } from '../../support/wat-plugin.js';
import { closePlugins, expectGranted, expecting, expectRefused, ISOLATIONS, openPlugins } from './plugin-ground.js';

const USER = 'X-Authenticated-User';
/** Sets the identity that the client sends. */
const nameIt = (kit: Kit): string =>
  `${kit.header('x-who')} ${kit.do('proxy_replace_header_map_value', i32(0), kit.text(USER), kit.given)}`;

/** Each request first calls an upstream. The root context receives the response and finds its request by its token. */
const asks = (kit: Kit) => ({
  body: callback(
    'proxy_on_http_call_response',
    5,
    `${kit.do('proxy_set_effective_context', '(i32.load (i32.add (i32.const 30000) (i32.mul (local.get 1) (i32.const 4))))')}
     ${nameIt(kit)} ${kit.do('proxy_continue_stream', i32(0))}`,
    false,
  ),
  onRequest: `
    (drop ${kit.call('authz')})
    (i32.store (i32.add (i32.const 30000) (i32.mul (i32.load ${i32(AT.extra)}) (i32.const 4))) (local.get 0))
    ${PAUSE}`,
});

/** Tries to read data of an earlier request. */
const remembers = (kit: Kit) => ({
  body: '(global $last (mut i32) (i32.const 0))',
  onRequest: `
    ${kit.on('c', expecting(kit, 2, kit.ask('proxy_set_effective_context', '(global.get $last)')))}
    ${kit.on('s', expecting(kit, 1, kit.ask('proxy_get_shared_data', kit.text('user-of-asks'), i32(AT.pointer), i32(AT.size), i32(AT.cas))))}
    ${kit.on('p', expecting(kit, 1, kit.ask('proxy_get_property', kit.text('auth\0subject'), i32(AT.pointer), i32(AT.size))))}
    ${kit.on('h', `${kit.header(USER)} ${expecting(kit, 0, '(i32.load (i32.const 24))')}`)}
    (global.set $last (local.get 0))
    ${kit.do('proxy_set_property', kit.text('auth\0subject'), kit.text('zoe'))}
    ${kit.grant('zoe')}`,
});
const shares = (kit: Kit) => ({
  onRequest: `${kit.do('proxy_set_shared_data', kit.text('user-of-asks'), kit.text('mallory'), i32(0))} ${kit.grant()}`,
});

let ground: Ground;
beforeAll(async () => {
  ground = await openPlugins(
    {
      asks: { build: asks, options: 'upstreams: [authz], timeout: 5s, pause_timeout: 3s' },
      remembers: { build: remembers },
      shares: { build: shares },
    },
    {
      upstreams: '  - { name: authz, endpoints: ["127.0.0.1:UPSTREAM"] }',
      answer: ({ target }) => (target === '/slow' ? undefined : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
    },
  );
});
afterAll(closePlugins);

describe.each(ISOLATIONS)('%s', (_where, suffix) => {
  describe('WSM-08 state that a plugin keeps', () => {
    test('of a hundred requests that wait at once, each gets its own identity', async () => {
      const asked = Array.from({ length: 100 }, (_, at) =>
        ground.send(get(`/asks${suffix}/${at}`, `X-Who: user-${at}`)),
      );
      expect(new Set((await Promise.all(asked)).map(statusOf))).toEqual(new Set([200]));
      const named = ground.arrived().filter(({ target }) => target.startsWith('/asks'));
      expect(named).toHaveLength(100);
      for (const message of named) {
        expect(valuesOf(message, USER)).toEqual([`user-${message.target.split('/')[2]}`]);
      }
    });

    test.each([
      ['no context of an earlier request', 'c'],
      ['no data that another plugin shares', 's'],
      ['no property that it set for an earlier request', 'p'],
      ['no header that it set for an earlier request', 'h'],
    ])('it finds %s', async (_what, letter) => {
      await expectGranted(ground, 'alice', `/shares${suffix}/x`);
      await expectGranted(ground, 'zoe', `/remembers${suffix}/x`);
      await expectRefused(ground, 403, `/remembers${suffix}/x`, `X-Do: ${letter}`);
    });

    test('twin: one request after the other', async () => {
      for (const who of ['ada', 'bob']) {
        expect(statusOf(await ground.send(get(`/asks${suffix}/x`, `X-Who: ${who}`)))).toBe(200);
        expect(ground.arrived().flatMap((message) => valuesOf(message, USER))).toEqual([who]);
      }
    });
  });
});
