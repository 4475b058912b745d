/** Requests that their clients abandon, among requests that wait: a late answer for one is never read for another. */
import { connect } from 'node:net';
import { get, type Ground } from '../../support/attack-ground.js';
import { statusOf } from '../../support/ask.js';
import { valuesOf } from '../../support/messages.js';
import { AT, callback, i32, PAUSE, type Kit } from '../../support/wat-plugin.js';
import { closePlugins, ISOLATIONS, openPlugins } from './plugin-ground.js';

const USER = 'X-Authenticated-User';
const named = (kit: Kit): string =>
  `${kit.header('x-who')} ${kit.do('proxy_replace_header_map_value', i32(0), kit.text(USER), kit.given)}`;

/** `c`: waits for a call of 30 ms. Otherwise the plugin decides at once. */
const waits = (kit: Kit) => ({
  body: callback(
    'proxy_on_http_call_response',
    5,
    `${kit.do('proxy_set_effective_context', '(i32.load (i32.add (i32.const 30000) (i32.mul (i32.rem_u (local.get 1) (i32.const 6000)) (i32.const 4))))')}
     ${named(kit)} ${kit.do('proxy_continue_stream', i32(0))}`,
    false,
  ),
  onRequest: `
    ${kit.on(
      'c',
      `(drop ${kit.call('authz')})
       (i32.store (i32.add (i32.const 30000) (i32.mul (i32.rem_u (i32.load ${i32(AT.extra)}) (i32.const 6000)) (i32.const 4))) (local.get 0))
       (return ${PAUSE})`,
    )}
    ${named(kit)} ${i32(0)}`,
});

let ground: Ground;
beforeAll(async () => {
  ground = await openPlugins(
    { waits: { build: waits, options: 'upstreams: [authz], timeout: 5s, pause_timeout: 10s' } },
    {
      upstreams: '  - { name: authz, endpoints: ["127.0.0.1:UPSTREAM"] }',
      answer: ({ fields }, socket) => {
        const authorized = fields.some(([name, value]) => name.toLowerCase() === 'host' && value === 'authz.example');
        const text = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
        if (!authorized) return text;
        setTimeout(() => socket.write(text), 30);
        return undefined;
      },
    },
  );
});
afterAll(closePlugins);

/** Sends a request, and disconnects after that many milliseconds. */
function abandoned(target: string, who: string, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(ground.port, '127.0.0.1');
    socket.on('error', () => undefined).on('close', () => resolve());
    socket.write(get(target, `X-Who: ${who}`, 'X-Do: c'));
    setTimeout(() => socket.destroy(), ms);
  });
}

describe.each(ISOLATIONS)('%s', (_where, suffix) => {
  describe('G-34 a late answer', () => {
    test('of an abandoned request is not read for a request that came after it', async () => {
      const gone: Promise<void>[] = [];
      const asked: Promise<string>[] = [];
      for (let at = 0; at < 150; at += 1) {
        gone.push(abandoned(`/waits${suffix}/gone`, `mallory-${at}`, at % 45));
        const how = at % 2 === 0 ? 'X-Do: c' : 'X-Do: n';
        asked.push(ground.send(get(`/waits${suffix}/user-${at}`, `X-Who: user-${at}`, how)));
        if (at % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 7));
      }
      await Promise.all(gone);
      expect(new Set((await Promise.all(asked)).map(statusOf))).toEqual(new Set([200]));
      const arrived = ground.arrived().filter(({ target }) => target.startsWith(`/waits${suffix}/user-`));
      expect(arrived).toHaveLength(150);
      for (const message of arrived) expect(valuesOf(message, USER)).toEqual([message.target.split('/')[2]]);
    });

    test('twin: a request without any that is abandoned', async () => {
      for (const [how, who] of [
        ['c', 'ada'],
        ['n', 'bob'],
      ]) {
        const answer = await ground.send(get(`/waits${suffix}/x`, `X-Who: ${who}`, `X-Do: ${how}`));
        expect(statusOf(answer)).toBe(200);
        const arrived = ground.arrived().filter(({ target }) => target.startsWith('/waits'));
        expect(arrived.flatMap((message) => valuesOf(message, USER))).toEqual([who]);
      }
    });
  });
});
