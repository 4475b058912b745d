/** Plugins that use unlimited time: stopped at their deadline, refused, and other requests are served meanwhile. */
import { spawn } from 'node:child_process';
import { statusOf } from '../../support/ask.js';
import { get, type Ground } from '../../support/attack-ground.js';
import { AT, callback, CONTINUE, i32, LOOP, PAUSE, type Kit } from '../../support/wat-plugin.js';
import { closePlugins, expectGranted, expectRefused, ISOLATIONS, openPlugins } from './plugin-ground.js';

/** Endless loops, by the letter that requests them. */
const LOOPS: Readonly<Record<string, readonly [string, (kit: Kit) => string]>> = {
  a: ['loop br 0', () => LOOP],
  b: ['a loop of host calls', (kit) => `(loop $l ${kit.header('x-do')} (br $l))`],
  c: ['a loop of lines in the log', (kit) => `(loop $l ${kit.log('again')} (br $l))`],
  d: [
    'a loop that reads shared data',
    (kit) =>
      `(loop $l ${kit.do('proxy_get_shared_data', kit.text('key'), i32(AT.pointer), i32(AT.size), i32(AT.cas))} (br $l))`,
  ],
};

let ground: Ground;
beforeAll(async () => {
  const pauses = (kit: Kit): string => kit.on('p', `(return ${PAUSE})`);
  ground = await openPlugins({
    loops: {
      build: (kit) => ({
        onRequest: `${Object.entries(LOOPS)
          .map(([letter, [, loop]]) => kit.on(letter, loop(kit)))
          .join('\n')} ${kit.set('X-Authenticated-User', 'alice')} ${kit.on('g', LOOP)} ${CONTINUE}`,
      }),
      options: 'timeout: 300ms',
    },
    pauses: {
      build: (kit) => ({
        body: callback('proxy_on_request_body', 3, `${kit.on('q', `(return ${PAUSE})`)} ${CONTINUE}`),
        onRequest: `${kit.set('X-Authenticated-User', 'alice')} ${pauses(kit)}
          ${kit.on('4', '(return (i32.const 4))')}
          ${kit.on('r', `${kit.do('proxy_continue_stream', i32(0))} (return ${PAUSE})`)} ${CONTINUE}`,
      }),
      options: 'phase: on_request_body, timeout: 1s, pause_timeout: 400ms',
    },
    // Denies or grants after a loop of that many laps: `9` exceeds the time limit, `1` is short.
    work: {
      build: (kit) => ({
        onRequest: `(local $n i64) ${kit.on('9', '(local.set $n (i64.const 4000000000))')}
          ${kit.on('1', '(local.set $n (i64.const 50000))')}
          (loop $l
            (local.set $n (i64.sub (local.get $n) (i64.const 1)))
            (br_if $l (i64.gt_s (local.get $n) (i64.const 0))))
          ${kit.on('d', kit.respond(403))} ${kit.grant()}`,
      }),
      options: 'timeout: 200ms',
    },
  });
});
afterAll(closePlugins);

describe.each(ISOLATIONS)('%s', (where, suffix) => {
  describe('WSM-02 a plugin that never returns', () => {
    test.each(Object.entries(LOOPS).map(([letter, [what]]) => [what, letter]))('%s', async (_what, letter) => {
      await expectRefused(ground, 503, `/loops${suffix}/x`, `X-Do: ${letter}`);
      await expectGranted(ground, 'alice', `/loops${suffix}/x`);
    });

    test('that has set an identity before its loop sets none', async () => {
      await expectRefused(ground, 503, `/loops${suffix}/x`, 'X-Do: g');
    });

    test('many at once are all refused, and the waiting requests are decided', async () => {
      const asked = Array.from({ length: 12 }, (_, at) =>
        ground.send(get(`/loops${suffix}/${at}`, `X-Do: ${at % 4 === 0 ? 'a' : '-'}`)),
      );
      const statuses = (await Promise.all(asked)).map(statusOf);
      expect(statuses).toEqual(Array.from({ length: 12 }, (_, at) => (at % 4 === 0 ? 503 : 200)));
      expect(ground.arrived()).toHaveLength(9);
    });

    if (where === 'on a thread') {
      test('and other routes do not wait for it', async () => {
        let over = false;
        const looping = ground.send(get(`/loops/x`, 'X-Do: a')).finally(() => (over = true));
        const answers: string[] = [];
        for (let at = 0; at < 5; at += 1) answers.push(await ground.send(get('/public/x')));
        expect({ statuses: answers.map(statusOf), over }).toEqual({ statuses: Array(5).fill(200), over: false });
        expect(statusOf(await looping)).toBe(503);
        ground.arrived();
      });
    }

    test('twin: one that returns decides', async () => {
      await expectGranted(ground, 'alice', `/loops${suffix}/x`, 'X-Do: -');
    });
  });

  describe('WSM-04 a plugin that pauses and never continues', () => {
    test.each(['p', '4'])('is refused at pause_timeout: %s', async (letter) => {
      const before = performance.now();
      await expectRefused(ground, 503, `/pauses${suffix}/x`, `X-Do: ${letter}`);
      expect(performance.now() - before).toBeGreaterThan(380);
    });

    test('also when it has received the body', async () => {
      const post = [
        'POST',
        `/pauses${suffix}/x`,
        'HTTP/1.1\r\nHost: gw\r\nX-Do: q\r\nContent-Length: 2\r\n\r\nhi',
      ].join(' ');
      expect(statusOf(await ground.send(post))).toBe(503);
      expect(ground.arrived()).toEqual([]);
    });

    test('a hundred that are paused delay no other request, and each is refused', async () => {
      const paused = Promise.all(Array.from({ length: 100 }, () => ground.send(get(`/pauses${suffix}/x`, 'X-Do: p'))));
      await expectGranted(ground, 'alice', `/pauses${suffix}/x`, 'X-Do: -');
      expect(new Set((await paused).map(statusOf))).toEqual(new Set([503]));
      expect(ground.arrived()).toEqual([]);
    });

    test('twin: one that continues at once is granted', async () => {
      await expectGranted(ground, 'alice', `/pauses${suffix}/x`, 'X-Do: r');
    });
  });

  describe('WSM-12 decisions under load', () => {
    test('a grant after the deadline is refused, each time', async () => {
      const burners = [0, 1].map(() => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
      try {
        const asked = Array.from({ length: 6 }, () => ground.send(get(`/work${suffix}/x`, 'X-Do: 9')));
        expect((await Promise.all(asked)).map(statusOf)).toEqual(Array(6).fill(503));
      } finally {
        burners.forEach((each) => each.kill('SIGKILL'));
      }
      expect(ground.arrived()).toEqual([]);
    });

    test('twin: the same request has the same decision', async () => {
      for (let at = 0; at < 20; at += 1) {
        await expectRefused(ground, 403, `/work${suffix}/x`, 'X-Do: d');
        await expectGranted(ground, 'alice', `/work${suffix}/x`, 'X-Do: 1');
      }
    });
  });
});
