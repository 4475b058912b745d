/** Headers that a plugin writes: its identity headers reach the upstream, each once, and no other header does. */
import { statusOf } from '../../support/ask.js';
import { get, openGround, type Ground } from '../../support/attack-ground.js';
import { lookalikesOf, valuesOf } from '../../support/messages.js';
import { CONTINUE, i32, made, type Kit } from '../../support/wat-plugin.js';
import {
  closePlugins,
  expectGranted,
  expectRefused,
  ISOLATIONS,
  moduleFile,
  openPlugins,
  outcomeOf,
} from './plugin-ground.js';

/** Headers that a plugin must not change or write. */
const FORBIDDEN: readonly (readonly [string, string])[] = [
  [':path', '/admin'],
  [':method', 'DELETE'],
  [':authority', 'evil.example'],
  [':scheme', 'https'],
  ['Host', 'evil.example'],
  ['Transfer-Encoding', 'chunked'],
  ['Content-Length', '5'],
  ['Connection', 'X-Authenticated-User, close'],
  ['Upgrade', 'h2c'],
  ['TE', 'trailers'],
  ['Trailer', 'X-Late'],
  ['Keep-Alive', 'timeout=9'],
  ['Proxy-Authorization', 'Basic eA=='],
  ['Authorization', 'Bearer root'],
  ['Cookie', 'session=root'],
  ['X-Forwarded-For', '10.0.0.1'],
  ['X-Real-IP', '10.0.0.1'],
  ['Forwarded', 'for=10.0.0.1'],
  ['X-User-ID', 'root'],
  ['X_Authenticated_User', 'root'],
  ['X-Key-Name', 'root'],
  ['X-Anything', 'root'],
];

/** Values that would be another field, or an invalid field. */
const BROKEN: readonly (readonly [string, string])[] = [
  ['a\r\nX-Admin: 1', 'CRLF'],
  ['a\nX-Admin: 1', 'LF'],
  ['a\rX-Admin: 1', 'CR'],
  ['a\u0000b', 'NUL'],
  ['a\r\n\r\nGET /admin HTTP/1.1\r\nHost: x\r\n\r\n', 'a request'],
];
const NAMES = [
  'X-Authenticated-User\r\nX-Admin',
  'X-Authenticated-User: root\r\nX',
  'X Authenticated',
  '',
  'X-Authenticated-User\u0000',
  'X-Admin:',
];

const write = (kit: Kit, how: string, [name, value]: readonly [string, string]): string =>
  kit.do(`proxy_${how}_header_map_value`, i32(0), kit.text(name), kit.text(value));
const HOWS = ['add', 'replace'] as const;
const USER = 'X-Authenticated-User';

let ground: Ground;
beforeAll(async () => {
  ground = await openPlugins(
    {
      writes: {
        build: (kit) => ({
          memory: '(memory (export "memory") 200)',
          onRequest: [
            kit.on('w', FORBIDDEN.map((field) => HOWS.map((how) => write(kit, how, field)).join(' ')).join('\n')),
            kit.on(
              'p',
              kit.do(
                'proxy_set_header_map_pairs',
                i32(0),
                kit.pairs([
                  [':path', '/admin'],
                  [USER, 'alice'],
                  ['host', 'evil.example'],
                ]),
              ),
            ),
            kit.on('n', NAMES.map((name) => HOWS.map((how) => write(kit, how, [name, 'root'])).join(' ')).join('\n')),
            ...BROKEN.map(([value], at) =>
              kit.on(String(at), `${HOWS.map((how) => write(kit, how, [USER, value])).join(' ')} (return ${CONTINUE})`),
            ),
            // 10 MB of NULs are refused as invalid, 10 MB of letters as too long.
            kit.on(
              'l',
              `(memory.fill (i32.const 200000) (i32.const 97) (i32.const 10000000))
              ${kit.do('proxy_add_header_map_value', i32(0), kit.text(USER), i32(200_000), i32(10_000_000))} (return ${CONTINUE})`,
            ),
            kit.on(
              'm',
              `(memory.fill (i32.const 200000) (i32.const 97) (i32.const 10000000))
              ${kit.do('proxy_add_header_map_value', i32(0), i32(200_000), i32(10_000_000), kit.text('root'))}
              ${kit.do('proxy_get_property', i32(200_000), i32(10_000_000), i32(16), i32(24))}
              (memory.fill (i32.const 200000) (i32.const 0) (i32.const 10000000))
              ${kit.do('proxy_get_property', i32(200_000), i32(10_000_000), i32(16), i32(24))} (return ${CONTINUE})`,
            ),
            kit.on('r', `${kit.set(USER, 'alice')} ${kit.set(USER, 'bob', 'add')} (return ${CONTINUE})`),
            kit.on('a', `${kit.set(USER, 'alice', 'add')} (return ${CONTINUE})`),
            kit.on('d', `${kit.do('proxy_remove_header_map_value', i32(0), kit.text(USER))} (return ${CONTINUE})`),
            kit.on('c', `(return ${CONTINUE})`),
            // Copies the client's header value.
            kit.on(
              'e',
              `${kit.header('x-authenticated-user')}
              ${kit.do('proxy_replace_header_map_value', i32(0), kit.text(USER), kit.given)} (return ${CONTINUE})`,
            ),
            kit.grant(),
          ].join('\n'),
        }),
      },
    },
    { routes: '\n  - { id: admin, path: /admin, upstream: backend, auth: { basic: true } }' },
  );
});
afterAll(closePlugins);

describe.each(ISOLATIONS)('%s', (_where, suffix) => {
  const at = `/writes${suffix}/x`;

  describe('WSM-06 a plugin that writes', () => {
    test.each(['w', 'p'])('forbidden headers: none is forwarded or changes the target: %s', async (letter) => {
      const honest = await expectGranted(ground, 'alice', at, 'X-Do: -');
      const message = await expectGranted(ground, 'alice', at, `X-Do: ${letter}`);
      const rest = (each: typeof message) =>
        each.fields.filter(([name]) => name.toLowerCase() !== 'x-do').map(([name, value]) => `${name}: ${value}`);
      expect([message.method, message.target, message.body]).toEqual(['GET', at, '']);
      expect(rest(message)).toEqual(rest(honest));
    });

    test('invalid names', async () => {
      const message = await expectGranted(ground, 'alice', at, 'X-Do: n');
      expect(message.raw).not.toMatch(/root|X-Admin/i);
    });

    test.each(BROKEN.map(([, what], letter) => [what, letter]))(
      'an identity with %s in it: no identity is set',
      async (_what, letter) => {
        await expectRefused(ground, 401, at, `X-Do: ${letter}`);
      },
    );

    test.each([
      ['value', 'l'],
      ['name', 'm'],
    ])('a %s of 10 MB: no identity is set', async (_what, letter) => {
      await expectRefused(ground, 401, at, `X-Do: ${letter}`);
    });

    test('twin: its identity header, which is forwarded', async () => {
      const message = await expectGranted(ground, 'alice', at, 'X-Do: -');
      expect(message.target).toBe(at);
    });
  });

  describe('WSM-07 a client that sends the identity header of a plugin', () => {
    const FORGED = ['X-Authenticated-User: admin', 'x-authenticated-user: root', 'X_Authenticated_User: admin'];
    test.each(['-', 'a'])('reaches the upstream only with the name that the plugin set: %s', async (letter) => {
      for (const lines of [
        FORGED,
        FORGED.slice(0, 1),
        ['X-Authenticated-User: alice'],
        ['X-AUTHENTICATED-USER: alice'],
      ]) {
        const message = await expectGranted(ground, 'alice', at, ...lines, `X-Do: ${letter}`);
        expect(lookalikesOf(message, USER)).toEqual([['x-authenticated-user', 'alice']]);
      }
    });

    test.each([
      ['takes it away', 'd'],
      ['leaves it unchanged', 'c'],
      ['copies it', 'e'],
    ])('has no identity if the plugin %s', async (_what, letter) => {
      await expectRefused(ground, 401, at, ...FORGED, `X-Do: ${letter}`);
    });

    test('a plugin that sets two identities is forwarded as both, in one field', async () => {
      const { status, users } = await outcomeOf(ground, at, 'X-Do: r');
      expect([status, users]).toEqual([200, ['alice,bob']]);
    });

    test('twin: a client that sends no such header', async () => {
      await expectGranted(ground, 'alice', at, 'X-Do: a');
    });
  });
});

describe('HDR-24 a header that one plugin writes', () => {
  let limited: Ground;
  /** The plugin sets the identity that the client sent in `X-Who`. */
  const named = (header: string) => (kit: Kit) => ({
    onRequest: `${kit.header('x-who')} ${kit.do('proxy_replace_header_map_value', i32(0), kit.text(header), kit.given)} ${CONTINUE}`,
  });
  /** Sets the identity that it reads in the header of the other plugin, otherwise its own. */
  const reader = (kit: Kit) => ({
    onRequest: `${kit.set('X-Seen', 'nobody')} ${kit.header('x-authenticated-user')}
      (if (i32.load (i32.const 24)) (then
        ${kit.do('proxy_replace_header_map_value', i32(0), kit.text('X-Seen'), kit.given)})) ${CONTINUE}`,
  });
  beforeAll(async () => {
    const [first, later] = await Promise.all([made(named(USER)), made(reader)]);
    limited = await openGround({
      auth: '',
      routes: `
  - { id: named, path: /named/*, upstream: backend, auth: { first: true } }
  - { id: both, path: /both/*, upstream: backend, auth: { methods: [first, later], require_any: false } }`,
      top: `
rate_limit: { enabled: true, rate: 0.001, burst: 5, key: "header:X-Authenticated-User" }
plugins:
  - { name: first, path: "${moduleFile(first)}", timeout: 1s, priority: 2 }
  - { name: later, path: "${moduleFile(later)}", timeout: 1s, priority: 1, identity_headers: [X-Seen] }`,
    });
  });

  test('is what the limiter counts, whatever the client sends', async () => {
    const ask = (at: number) => limited.send(get('/named/x', 'X-Who: mallory', `X-Authenticated-User: other-${at}`));
    const answers: number[] = [];
    for (let at = 0; at < 12; at += 1) answers.push(statusOf(await ask(at)));
    expect(answers).toEqual([...Array<number>(5).fill(200), ...Array<number>(7).fill(429)]);
    expect(limited.arrived().map((message) => valuesOf(message, USER))).toEqual(Array(5).fill(['mallory']));
  });

  test('is not read by a later plugin from the client', async () => {
    const message = await limited.send(get('/both/x', 'X-Who: zoe', 'X-Authenticated-User: admin'));
    expect(statusOf(message)).toBe(200);
    const [arrived] = limited.arrived();
    expect(arrived && [valuesOf(arrived, USER), valuesOf(arrived, 'X-Seen')]).toEqual([['zoe'], ['nobody']]);
  });

  test('twin: another identity uses another bucket', async () => {
    expect(statusOf(await limited.send(get('/named/x', 'X-Who: alice')))).toBe(200);
    expect(limited.arrived().map((message) => valuesOf(message, USER))).toEqual([['alice']]);
  });
});
