/** Chunks whose length two readers count differently. */
import { readFileSync } from 'node:fs';
import { closeGrounds, openGround, request, type Ground } from '../../support/attack-ground.js';
import { Conversation } from '../../support/conversation.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

const BEHIND = request('GET', '/public/behind', ['Connection: close']);

/** Returns the responses on one connection to a POST with this chunked body and to a request after it. */
async function post(body: string): Promise<readonly number[]> {
  const bytes = request('POST', '/public/x', ['Transfer-Encoding: chunked'], body) + BEHIND;
  return (await new Conversation(ground.port).send(bytes).rest()).map(({ status }) => status);
}

const resident = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${ground.pid}/status`, 'utf8'))?.[1]);

describe('SMG-04 chunk sizes and extensions', () => {
  test.each([
    ['0x3', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['a space behind', '3 \r\nabc\r\n0\r\n\r\n'],
    ['a tab behind', '3\t\r\nabc\r\n0\r\n\r\n'],
    ['a space before', ' 3\r\nabc\r\n0\r\n\r\n'],
    ['+3', '+3\r\nabc\r\n0\r\n\r\n'],
    ['-0', '3\r\nabc\r\n-0\r\n\r\n'],
    ['-1', '-1\r\nabc\r\n0\r\n\r\n'],
    ['an underscore', '1_0\r\nabc\r\n0\r\n\r\n'],
    ['no size', '\r\nabc\r\n0\r\n\r\n'],
    ['no number', 'x\r\nabc\r\n0\r\n\r\n'],
    ['more than 64 bits', 'ffffffffffffffff1\r\nabc\r\n0\r\n\r\n'],
    ['more than 64 bits by one', '10000000000000003\r\nabc\r\n0\r\n\r\n'],
    ['a NUL behind', '3\0\r\nabc\r\n0\r\n\r\n'],
    ['a bare LF after', '3\nabc\r\n0\r\n\r\n'],
    ['a bare CR after', '3\rabc\r\n0\r\n\r\n'],
    ['a bare LF after the data', '3\r\nabc\n0\r\n\r\n'],
    ['nothing after the data', '3\r\nabc0\r\n\r\n'],
    ['more data than declared', '3\r\nabcd\r\n0\r\n\r\n'],
    ['less data than declared', '4\r\nabc\r\n0\r\n\r\n'],
    ['an extension with LF', '3;a\nb\r\nabc\r\n0\r\n\r\n'],
    ['an extension with CR', '3;a\rb\r\nabc\r\n0\r\n\r\n'],
    ['an empty extension and CR', '3;\rabc\r\n0\r\n\r\n'],
    ['an extension with NUL', '3;a\0b\r\nabc\r\n0\r\n\r\n'],
    ['a quoted extension that does not end', '3;a="b\r\nabc\r\n0\r\n\r\n'],
    ['a quoted extension with a line end', '3;a="\r\n"\r\nabc\r\n0\r\n\r\n'],
    ['a last chunk with LF', '3\r\nabc\r\n0\n\r\n'],
    ['a last chunk with LF LF', '3\r\nabc\r\n0\n\n'],
    ['a trailer with CR', '3\r\nabc\r\n0\r\nX: a\rb\r\n\r\n'],
    ['a trailer without a colon', '3\r\nabc\r\n0\r\nX\r\n\r\n'],
    ['a trailer with an empty name', '3\r\nabc\r\n0\r\n: x\r\n\r\n'],
    ['a folded trailer', '3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n'],
    ['a trailer that is a length', '3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n'],
    ['a trailer that is chunked', '3\r\nabc\r\n0\r\nTransfer-Encoding : chunked\r\n\r\n'],
  ])('%s: refused, and no whole message arrives', async (_what, body) => {
    expect(await post(body)).toEqual([400]);
    expect(ground.arrived()).toEqual([]);
  });

  test('an extension without end is refused before it costs memory', async () => {
    const [before, client] = [resident(), new Conversation(ground.port)];
    client.send(request('POST', '/public/x', ['Transfer-Encoding: chunked'], '3;'));
    for (let sent = 0; sent < 160 && !client.closed; sent += 1) {
      client.send('a'.repeat(65_536));
      await new Promise((resolve) => setImmediate(resolve));
    }
    // A reset cuts it, because the gateway stops reading. The response may be lost with it.
    expect(
      (await client.rest()).map(({ status }) => status).filter((status) => status !== 413 && status !== 400),
    ).toEqual([]);
    expect(ground.arrived()).toEqual([]);
    expect(resident() - before).toBeLessThan(64 * 1_024);
  });

  test.each([
    ['plain', '3\r\nabc\r\n0\r\n\r\n'],
    ['zeros before', '0003\r\nabc\r\n0\r\n\r\n'],
    ['many', '1\r\na\r\n1\r\nb\r\n01\r\nc\r\n000\r\n\r\n'],
    ['a short extension', '3;a=b;c="d e"\r\nabc\r\n0;x\r\n\r\n'],
    ['trailers', '3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-User-ID: admin\r\n\r\n'],
  ])('twin: %s carries three bytes, without extensions and trailers', async (_what, body) => {
    expect(await post(body)).toEqual([200, 200]);
    // Two requests go to the upstream over two connections, in any order.
    const arrived = ground.arrived().map((message) => [message.target, message.body]);
    expect(arrived.sort()).toEqual([
      ['/public/behind', ''],
      ['/public/x', 'abc'],
    ]);
  });
});
