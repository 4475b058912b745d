/**
 * Decisions of a plugin, and second decisions: the first one counts, and none overrides the decision of another method.
 */
import { ALICE_KEY, get, type Ground } from '../../support/attack-ground.js';
import { statusOf } from '../../support/ask.js';
import { callback, CONTINUE, i32, PAUSE, type Kit } from '../../support/wat-plugin.js';
import type { Pair } from '../../../src/wasm/header-map.js';
import { closePlugins, expectGranted, expectRefused, ISOLATIONS, openPlugins } from './plugin-ground.js';

const NAMED = (kit: Kit): string => kit.set('X-Authenticated-User', 'mallory');
const GO_ON = (kit: Kit): string => kit.do('proxy_continue_stream', i32(0));

/** By letter: what the plugin does, and the only allowed result. */
const WAYS: Readonly<Record<string, readonly [string, number, (kit: Kit) => string]>> = {
  a: ['answers 403, then continues', 403, (kit) => `${kit.respond(403)} ${NAMED(kit)} (return ${CONTINUE})`],
  b: [
    'answers 403, continues the stream and continues',
    403,
    (kit) => `${kit.respond(403)} ${NAMED(kit)} ${GO_ON(kit)} (return ${CONTINUE})`,
  ],
  c: ['answers 403, then 200', 403, (kit) => `${kit.respond(403)} ${kit.respond(200)} (return ${PAUSE})`],
  d: [
    'responds with 200: that is its own response, not a grant',
    200,
    (kit) => `${NAMED(kit)} ${kit.respond(200)} (return ${CONTINUE})`,
  ],
  e: ['answers with the status 99', 503, (kit) => `${NAMED(kit)} ${kit.respond(99)} (return ${CONTINUE})`],
  f: ['answers with the status 700', 503, (kit) => `${NAMED(kit)} ${kit.respond(700)} (return ${CONTINUE})`],
  g: ['answers with the status 101', 503, (kit) => `${NAMED(kit)} ${kit.respond(101)} (return ${CONTINUE})`],
  h: [
    'answers with the status 0, then 204',
    503,
    (kit) => `${kit.respond(0)} ${kit.respond(204)} (return ${CONTINUE})`,
  ],
  i: [
    'closes the stream and continues',
    503,
    (kit) => `${NAMED(kit)} ${kit.do('proxy_close_stream', i32(0))} (return ${CONTINUE})`,
  ],
  j: [
    'continues the stream, then responds with 403',
    403,
    (kit) => `${NAMED(kit)} ${GO_ON(kit)} ${kit.respond(403)} (return ${PAUSE})`,
  ],
  k: ['answers with a status of 2^32 - 1', 503, (kit) => `${NAMED(kit)} ${kit.respond(-1)} (return ${CONTINUE})`],
  l: ['continues and sets no identity', 401, () => `(return ${CONTINUE})`],
  m: [
    'continues and sets an empty identity',
    401,
    (kit) => `${kit.set('X-Authenticated-User', '')} (return ${CONTINUE})`,
  ],
};

/** Local responses that no server can send unchanged. */
const FIELDS: Readonly<Record<string, readonly [string, readonly Pair[]]>> = {
  A: [
    'its own framing',
    [
      ['Transfer-Encoding', 'chunked'],
      ['Content-Length', '5'],
    ],
  ],
  B: ['a pseudo-header', [[':status', '200']]],
  C: ['control bytes', [['X-Said', 'a\u0001b\u007fc']]],
  D: [
    'connection options',
    [
      ['Connection', 'x-said, close'],
      ['Upgrade', 'h2c'],
      ['Keep-Alive', 'timeout=9999'],
    ],
  ],
  E: ['bytes beyond ASCII', [['X-Said', '\u00e4\u00ff']]],
  F: [
    'a trailer',
    [
      ['Trailer', 'X-Late'],
      ['TE', 'trailers'],
    ],
  ],
  G: ['an invalid length', [['Content-Length', '-1']]],
};

let ground: Ground;
beforeAll(async () => {
  ground = await openPlugins(
    {
      ways: {
        build: (kit) => ({
          onRequest: [
            ...Object.entries(WAYS).map(([letter, [, , act]]) => kit.on(letter, act(kit))),
            ...Object.entries(FIELDS).map(([letter, [, pairs]]) =>
              kit.on(letter, `${kit.respond(403, 'denied', pairs)} (return ${PAUSE})`),
            ),
            kit.on('N', `${kit.respond(204, 'no content')} (return ${PAUSE})`),
            kit.grant(),
          ].join('\n'),
        }),
      },
      // Refuses long after it has continued.
      late: {
        build: (kit) => ({
          body: `${callback('proxy_on_done', 1, `${kit.respond(403)} ${i32(1)}`)} ${callback('proxy_on_log', 1, kit.respond(403), false)}`,
          onRequest: kit.grant(),
        }),
      },
    },
    {
      auth: '',
      routes: `
  - { id: required, path: /required/*, upstream: backend, auth: { jwt: true }, plugins: [ways] }
  - { id: all-of, path: /all-of/*, upstream: backend, auth: { methods: [ways, api_key], require_any: false } }
  - { id: any-of, path: /any-of/*, upstream: backend, auth: { methods: [ways, api_key] } }
  - { id: any-inline, path: /any-inline/*, upstream: backend, auth: { methods: [ways-inline, api_key] } }
  - { id: required-inline, path: /required-inline/*, upstream: backend, auth: { jwt: true }, plugins: [ways-inline] }`,
    },
  );
});
afterAll(closePlugins);

const bearer = async (): Promise<string> => `Authorization: Bearer ${await ground.issuer.token({ sub: 'ada' })}`;

describe.each(ISOLATIONS)('%s', (_where, suffix) => {
  describe('WSM-05 a plugin that', () => {
    test.each(Object.entries(WAYS).map(([letter, [what, status]]) => [what, status, letter] as const))(
      '%s: %i',
      async (_what, status, letter) => {
        const answer = await expectRefused(ground, status, `/ways${suffix}/x`, `X-Do: ${letter}`);
        expect(answer).not.toContain('mallory');
      },
    );

    test.each(Object.entries(FIELDS).map(([letter, [what]]) => [what, letter]))(
      'responds with %s: one whole response, framed once',
      async (_what, letter) => {
        const answer = await expectRefused(ground, 403, `/ways${suffix}/x`, `X-Do: ${letter}`);
        const [head = '', body] = answer.split('\r\n\r\n');
        expect(body).toBe('denied');
        expect(head.match(/^content-length: 6$/gim)).toHaveLength(1);
        expect(head).not.toMatch(/^(?:transfer-encoding|upgrade|trailer|te|keep-alive: timeout=9999|:status)/im);
      },
    );

    test('responds 204 with a body: the body is dropped', async () => {
      const answer = await expectRefused(ground, 204, `/ways${suffix}/x`, 'X-Do: N', 'Connection: close');
      expect(answer.split('\r\n\r\n')[1]).toBe('');
    });

    test('refuses after it has continued: it has continued', async () => {
      await expectGranted(ground, 'alice', `/late${suffix}/x`);
    });

    test('twin: continues once, and is granted', async () => {
      await expectGranted(ground, 'alice', `/ways${suffix}/x`, 'X-Do: -');
    });
  });

  describe('CHN-11 a plugin that accepts with a method that refuses', () => {
    test('a plugin that a route requires does not replace the token', async () => {
      await expectRefused(ground, 401, `/required${suffix}/x`);
      await expectRefused(ground, 401, `/required${suffix}/x`, 'Authorization: Bearer none');
      await expectRefused(ground, 401, `/required${suffix}/x`, `X-API-Key: ${ALICE_KEY['X-API-Key']}`);
    });

    test.each(['a', 'c', 'i'])('and the token does not replace the plugin: %s', async (letter) => {
      const status = (WAYS[letter] as (typeof WAYS)[string])[1];
      await expectRefused(ground, status, `/required${suffix}/x`, await bearer(), `X-Do: ${letter}`);
    });

    test('a plugin of a route that continues without an identity leaves the identity of the token', async () => {
      const message = await expectGranted(ground, '', `/required${suffix}/x`, await bearer(), 'X-Do: l');
      expect(message.fields).toContainEqual(['x-user-id', 'ada']);
      await expectRefused(ground, 401, `/required${suffix}/x`, 'X-Do: l');
      await expectRefused(ground, 401, `/any${suffix === '' ? '-of' : suffix}/x`, 'X-Do: l');
    });

    test('its own response ends an "any", whatever method comes after it', async () => {
      await expectRefused(
        ground,
        200,
        `/any${suffix === '' ? '-of' : suffix}/x`,
        'X-Do: d',
        `X-API-Key: ${ALICE_KEY['X-API-Key']}`,
      );
    });

    test('twin: both accept', async () => {
      const message = await expectGranted(ground, 'alice', `/required${suffix}/x`, await bearer());
      expect(message.fields).toContainEqual(['x-user-id', 'ada']);
    });
  });
});

describe('CHN-11 all of a list', () => {
  test('needs the key in addition to the plugin', async () => {
    await expectRefused(ground, 401, '/all-of/x');
    await expectRefused(ground, 401, '/all-of/x', 'X-API-Key: none');
    await expectRefused(ground, 403, '/all-of/x', 'X-Do: a', `X-API-Key: ${ALICE_KEY['X-API-Key']}`);
  });
  test('twin: with both it passes', async () => {
    expect(statusOf(await ground.send(get('/all-of/x', `X-API-Key: ${ALICE_KEY['X-API-Key']}`)))).toBe(200);
    expect(ground.arrived()).toHaveLength(1);
  });
});
