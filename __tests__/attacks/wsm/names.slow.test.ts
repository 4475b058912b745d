/** The identity that a plugin sets: never one name for two callers, never a name that does not reach the upstream. */
import { get, type Ground } from '../../support/attack-ground.js';
import { i32, type Kit } from '../../support/wat-plugin.js';
import { closePlugins, expectGranted, expectRefused, ISOLATIONS, openPlugins } from './plugin-ground.js';

const USER = 'X-Authenticated-User';
const subject = (kit: Kit, value: string): string =>
  kit.do('proxy_set_property', kit.text('auth\0subject'), kit.text(value));

/** By letter: values of the identity header, and whether the subject is set too. */
const WAYS: Readonly<Record<string, readonly [string, readonly string[], string?]>> = {
  a: ['bytes that are not UTF-8', ['\u00ff']],
  b: ['half a UTF-8 character', ['ada\u00c3']],
  c: ['a control byte', ['a\u0001b']],
  d: ['a tab', ['a\tb'], 'alice'],
  e: ['more than a header can carry, with a subject', ['x'.repeat(5_000)], 'alice'],
  f: ['two values of which one reads as two', ['a,admin', 'b']],
  g: ['a subject that is not UTF-8', ['alice'], '\u00ff'],
};

let ground: Ground;
beforeAll(async () => {
  ground = await openPlugins({
    names: {
      build: (kit) => ({
        onRequest: [
          ...Object.entries(WAYS).map(([letter, [, values, told]]) =>
            kit.on(
              letter,
              `${values.map((value) => kit.set(USER, value, 'add')).join(' ')}
               ${told === undefined ? '' : subject(kit, told)} (return ${i32(0)})`,
            ),
          ),
          kit.on('z', `${kit.set(USER, 'Zo\u00c3\u00ab')} (return ${i32(0)})`),
          kit.on('y', `${kit.set(USER, 'a', 'add')} ${kit.set(USER, 'b', 'add')} (return ${i32(0)})`),
          kit.grant(),
        ].join('\n'),
      }),
    },
    slow: { build: () => ({ onRequest: i32(1) }), options: 'timeout: 1s, pause_timeout: 300ms' },
  });
});
afterAll(closePlugins);

describe.each(ISOLATIONS)('%s', (_where, suffix) => {
  test.each(Object.entries(WAYS).map(([letter, [what]]) => [what, letter]))(
    '%s sets no identity',
    async (_what, letter) => {
      await expectRefused(ground, 401, `/names${suffix}/x`, `X-Do: ${letter}`);
    },
  );

  test('twin: UTF-8 characters, two plain values, a plain name', async () => {
    await expectGranted(ground, 'Zo%C3%AB', `/names${suffix}/x`, 'X-Do: z');
    await expectGranted(ground, 'a,b', `/names${suffix}/x`, 'X-Do: y');
    await expectGranted(ground, 'alice', `/names${suffix}/x`, 'X-Do: -');
  });

  test('a client that sends thirty requests at once on one connection causes no warning', async () => {
    const before = ground.output().length;
    const last = get(`/slow${suffix}/x`, 'Connection: close');
    const answers = await ground.send(get(`/slow${suffix}/x`).repeat(29) + last);
    expect(answers).toContain('HTTP/1.1 503');
    expect(ground.output().slice(before)).not.toContain('MaxListeners');
  });
});
