/** `phase: on_request_body`: the body that a plugin has seen is the one that arrives, byte for byte, however it came. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { statusOf } from '../../../support/ask.js';
import { get, KEY, request, type Ground } from '../../../support/attack-ground.js';
import { closePlugins, openPlugins } from '../../../attacks/wsm/plugin-ground.js';
import { valuesOf, type Message } from '../../../support/messages.js';
import { AT, callback, CONTINUE, i32, type Kit } from '../../../support/wat-plugin.js';
import type { Parts } from '../../../support/wat.js';

const MOST = 300_000;

/** Names the caller by the last three bytes of the body, and refuses one that ends in `no!`. */
const byTheEnd = (kit: Kit): Parts => {
  const from = '(select (i32.sub (local.get 1) (i32.const 3)) (i32.const 0) (i32.gt_u (local.get 1) (i32.const 3)))';
  const read = kit.do('proxy_get_buffer_bytes', i32(0), from, i32(3), i32(AT.pointer), i32(AT.size));
  const isNo = '(i32.eq (i32.and (i32.load (i32.load (i32.const 16))) (i32.const 0xffffff)) (i32.const 0x216f6e))';
  return {
    body: callback(
      'proxy_on_request_body',
      3,
      `${read} (if ${isNo} (then ${kit.respond(403, 'no')} (return ${i32(1)})))
       ${kit.do('proxy_replace_header_map_value', i32(0), kit.text('X-End'), kit.given)} ${CONTINUE}`,
    ),
    onRequest: kit.grant(),
  };
};

const OPTIONS = `phase: on_request_body, max_body: ${MOST}B, timeout: 1s, identity_headers: [X-Authenticated-User, X-End]`;

let ground: Ground;
beforeAll(async () => {
  ground = await openPlugins(
    {
      body: { build: byTheEnd, options: OPTIONS },
      head: { build: (kit) => ({ onRequest: kit.grant() }), options: 'timeout: 1s', isolation: 'worker' },
    },
    {
      routes: `
  - { id: later, path: /later/*, upstream: backend, auth: { methods: [api_key, body] } }
  - { id: twice, path: /twice/*, upstream: backend, auth: { methods: [body, body-inline], require_any: false } }`,
    },
  );
});
afterAll(closePlugins);

const chunked = (body: string, size = 7): string => {
  const pieces = body.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
  return [...pieces, ''].map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');
};

async function sent(bytes: string) {
  const answer = await ground.send(bytes);
  const arrived = ground.arrived();
  return { status: statusOf(answer), answer, arrived, message: arrived[0] };
}

const post = (target: string, body: string) => sent(request('POST', target, [`Content-Length: ${body.length}`], body));
const ends = (message?: Message) => message && [valuesOf(message, 'x-end').join(), message.body];

describe.each(['/body', '/body-inline'])('%s', (path) => {
  test.each([
    ['a few bytes', 'hello'],
    ['one byte', 'x'],
    ['lines', 'a\r\n\r\nGET /internal HTTP/1.1\r\n\r\nabc'],
    ['many', 'x'.repeat(200_000) + 'abc'],
    ['as many as may be', 'x'.repeat(MOST - 3) + 'abc'],
  ])('with a length: %s', async (_what, body) => {
    const { status, arrived, message } = await post(`${path}/x`, body);
    expect([status, arrived.length, ends(message)]).toEqual([200, 1, [body.slice(-3), body]]);
  });

  test.each([
    ['a few bytes', 'hello'],
    ['lines', '0\r\n\r\nGET /internal HTTP/1.1\r\n\r\nabc'],
    ['many', 'x'.repeat(50_000) + 'abc'],
  ])('in chunks: %s', async (_what, body) => {
    const { status, arrived, message } = await sent(
      request('POST', `${path}/x`, ['Transfer-Encoding: chunked'], chunked(body, 1_000)),
    );
    expect([status, arrived.length, ends(message)]).toEqual([200, 1, [body.slice(-3), body]]);
  });

  test.each([
    ['no body', get(`${path}/x`)],
    ['a length of nothing', request('POST', `${path}/x`, ['Content-Length: 0'])],
    ['chunks of nothing', request('POST', `${path}/x`, ['Transfer-Encoding: chunked'], '0\r\n\r\n')],
  ])('%s: the headers decide', async (_what, bytes) => {
    const { status, message } = await sent(bytes);
    expect([status, message?.body, message && valuesOf(message, 'x-authenticated-user')]).toEqual([200, '', ['alice']]);
  });

  test('what the plugin refuses for its body does not arrive', async () => {
    const { status, answer, arrived } = await post(`${path}/x`, 'please: no!');
    expect([status, answer.endsWith('no'), arrived]).toEqual([403, true, []]);
  });

  test.each([
    ['with a length', request('POST', `${path}/x`, [`Content-Length: ${MOST + 1}`], 'x'.repeat(MOST + 1))],
    ['announced', request('POST', `${path}/x`, ['Content-Length: 99999999999'], 'x')],
    ['in chunks', request('POST', `${path}/x`, ['Transfer-Encoding: chunked'], chunked('x'.repeat(MOST + 1), 50_000))],
  ])('too many %s: 413, and nothing arrives', async (_what, bytes) => {
    const { status, arrived } = await sent(bytes);
    expect([status, arrived]).toEqual([413, []]);
  });

  test('Expect: 100-continue: the body is asked for, seen and sent on', async () => {
    const socket = connect(ground.port, '127.0.0.1');
    socket.write(request('POST', `${path}/x`, ['Content-Length: 5', 'Expect: 100-continue']));
    expect(await heard(socket, /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 100 /);
    socket.write('hello');
    expect(await heard(socket, /\r\n\r\n\{/)).toMatch(/HTTP\/1\.1 200 /);
    socket.destroy();
    const [message, ...more] = ground.arrived();
    expect([ends(message), more]).toEqual([['llo', 'hello'], []]);
  });

  test('a client that leaves in the middle costs nothing but itself', async () => {
    for (let count = 0; count < 20; count += 1) {
      const socket = connect(ground.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(request('POST', `${path}/x`, ['Content-Length: 500'], 'half'));
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (count % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
    expect(ends((await post(`${path}/x`, 'after')).message)).toEqual(['ter', 'after']);
  });

  test('a body in pieces, with the next request behind it', async () => {
    const socket = connect(ground.port, '127.0.0.1');
    await once(socket, 'connect');
    const bytes = request('POST', `${path}/x`, ['Content-Length: 6'], 'pieces') + get(`${path}/y`);
    const answers = heard(socket, /\r\n\r\n\{[^]*\r\n\r\n\{/);
    for (const piece of bytes.match(/[^]{1,40}/g) ?? []) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await answers;
    socket.destroy();
    // Each request has its own connection to the upstream, so either may arrive first.
    expect(new Set(ground.arrived().map(({ target, body }) => `${target} ${body}`))).toEqual(
      new Set([`${path}/x pieces`, `${path}/y `]),
    );
  });

  test('any bytes, however they are framed', async () => {
    const bytes = fc.uint8Array({ minLength: 4, maxLength: 2_000 }).map((each) => Buffer.from(each).toString('latin1'));
    await fc.assert(
      fc.asyncProperty(bytes, fc.nat({ max: 300 }), async (text, size) => {
        // The last three are letters: a header cannot carry all bytes.
        const body = `${text}end`;
        const framing = size === 0 ? [`Content-Length: ${body.length}`] : ['Transfer-Encoding: chunked'];
        const { status, message } = await sent(
          request('POST', `${path}/x`, framing, size === 0 ? body : chunked(body, size)),
        );
        expect([status, ends(message)]).toEqual([200, ['end', body]]);
      }),
      { numRuns: 40 },
    );
  });
});

test('after a method that has no eye for bodies, and two plugins that have', async () => {
  const keyed = await sent(request('POST', '/later/x', ['Content-Length: 5', `X-API-Key: ${KEY}`], 'hello'));
  expect([keyed.status, keyed.message?.body]).toEqual([200, 'hello']);
  const wrong = await sent(request('POST', '/later/x', ['Content-Length: 5', 'X-API-Key: wrong'], 'hello'));
  expect([wrong.status, ends(wrong.message)]).toEqual([200, ['llo', 'hello']]);
  expect(ends((await post('/twice/x', 'both see')).message)).toEqual(['see', 'both see']);
});

test('twin: a plugin of the headers alone keeps no body waiting', async () => {
  const body = 'x'.repeat(MOST * 2);
  const { status, message } = await post('/head/x', body);
  expect([status, message?.body.length]).toEqual([200, body.length]);
});

/** What comes until it matches. */
function heard(socket: Socket, pattern: RegExp): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const take = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (!pattern.test(text)) return;
      socket.off('data', take);
      resolve(text);
    };
    socket.on('data', take);
  });
}
