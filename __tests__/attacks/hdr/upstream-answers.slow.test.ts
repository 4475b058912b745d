/** Responses of an upstream: fields of its own connection are removed, and an invalid head is a 502. */
import type { Socket } from 'node:net';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';

/** After a response: the connection ends with it. */
const END = '<end>';

let answer: string;
let ground: Ground;
beforeAll(async () => {
  const ending = (socket: Socket): string | undefined => {
    if (!answer.endsWith(END)) return answer;
    socket.end(answer.slice(0, -END.length), 'latin1');
    return undefined;
  };
  ground = await openGround({ answer: (_message, socket) => ending(socket) });
});
afterAll(closeGrounds);
afterEach(() => void ground.arrived());

const head = (...lines: readonly string[]): string => ['HTTP/1.1 200 OK', ...lines, '\r\n'].join('\r\n');
const hello = (...lines: readonly string[]): string => `${head(...lines, 'Content-Length: 5')}hello`;

/** The client's response when the upstream sends these bytes. */
async function client(bytes: string): Promise<string> {
  answer = bytes;
  return ground.send(get('/public/x'));
}

const valuesOf = (text: string, name: string): string[] =>
  [...text.split('\r\n\r\n', 1)[0]!.matchAll(new RegExp(`^${name}: *(.*)$`, 'gim'))].map(([, value]) =>
    (value ?? '').trim(),
  );

describe('HDR-23 an upstream’s answer', () => {
  test.each([
    ['Keep-Alive: timeout=5', 'Keep-Alive'],
    ['Proxy-Connection: keep-alive', 'Proxy-Connection'],
    ['Proxy-Authenticate: Basic', 'Proxy-Authenticate'],
    ['Proxy-Authentication-Info: x', 'Proxy-Authentication-Info'],
    ['TE: trailers', 'TE'],
    ['Trailer: X-Sum', 'Trailer'],
    ['Upgrade: h2c', 'Upgrade'],
  ])('stays within its connection: %s', async (line, name) => {
    const text = await client(hello(line, 'X-Kept: yes'));
    expect(statusOf(text)).toBe(200);
    expect(valuesOf(text, name).filter((value) => !/^timeout=\d+$/.test(value) || value === 'timeout=5')).toEqual([]);
    expect(valuesOf(text, 'X-Kept')).toEqual(['yes']);
  });

  test.each([
    [['Connection: Set-Cookie, X-Hop']],
    [['Connection: set-cookie', 'Connection: keep-alive, x-hop']],
    [['Connection: SET-COOKIE,\tX-HOP ,close']],
  ])('loses the fields that its own Connection names: %j', async (lines) => {
    const text = await client(hello(...lines, 'Set-Cookie: a=b', 'X-Hop: 1', 'X-Kept: yes'));
    expect(statusOf(text)).toBe(200);
    expect([valuesOf(text, 'Set-Cookie'), valuesOf(text, 'X-Hop'), valuesOf(text, 'X-Kept')]).toEqual([
      [],
      [],
      ['yes'],
    ]);
    expect(text).toMatch(/\r\n\r\nhello$/);
  });

  const chunks = '5\r\nhello\r\n0\r\n\r\n';
  test.each([
    ['a NUL in a value', hello('X-A: a\0b')],
    ['a control byte in a value', hello('X-A: a\x01b')],
    ['a delete in a value', hello('X-A: a\x7fb')],
    ['an invalid name', hello('X A: b')],
    ['a space before the colon', hello('X-A : b')],
    ['a fold', hello('X-A: a\r\n b')],
    ['a line without a colon', hello('nonsense')],
    ['a bare carriage return', hello('X-A: a\rX-B: c')],
    ['two lengths', hello('Content-Length: 6')],
    ['a length and chunks', `${head('Content-Length: 5', 'Transfer-Encoding: chunked')}${chunks}`],
    ['chunks twice', `${head('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}${chunks}`],
    ['chunks twice in one line', `${head('Transfer-Encoding: chunked, chunked')}${chunks}`],
    ['a coding that is not chunks', `${head('Transfer-Encoding: gzip, chunked')}${chunks}`],
    ['an unknown coding', `${head('Transfer-Encoding: x')}hello${END}`],
    ['an invalid length', `${head('Content-Length: five')}hello`],
    ['a negative length', `${head('Content-Length: -5')}hello`],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a 1xx status without end', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(50)],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['an end in the middle of the head', `HTTP/1.1 200 OK\r\nX-A: ${END}`],
  ])('is a 502 and no crash with %s', async (_what, bytes) => {
    const text = await client(bytes);
    const status = statusOf(text);
    expect({ status, text }).toMatchObject({ status: 502 });
  });

  test('with an identity header in it reveals nothing to the next client', async () => {
    const text = await client(hello('X-User-ID: admin', 'X_User_ID: admin'));
    expect(statusOf(text)).toBe(200);
    answer = hello();
    expect(await ground.send(get('/public/x'))).not.toContain('admin');
  });

  test('that refuses a handshake ends with its connection too', async () => {
    answer = `HTTP/1.1 403 No\r\nConnection: Set-Cookie\r\nSet-Cookie: a=b\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nno`;
    const text = await ground.send(handshake('/public/x'));
    expect(statusOf(text)).toBe(403);
    expect([valuesOf(text, 'Set-Cookie'), valuesOf(text, 'Keep-Alive'), valuesOf(text, 'Connection')]).toEqual([
      [],
      [],
      ['close'],
    ]);
  });

  test('twin: passes with the fields that are for the client', async () => {
    const lines = ['Set-Cookie: a=b', 'Set-Cookie: c=d', 'ETag: "x"', 'X-Latin: \xe9', 'WWW-Authenticate: Bearer'];
    const text = await client(hello(...lines));
    expect(statusOf(text)).toBe(200);
    expect(valuesOf(text, 'Set-Cookie')).toEqual(['a=b', 'c=d']);
    for (const line of lines.slice(2)) expect(text).toContain(`${line}\r\n`);
    expect(await client(`${head('Transfer-Encoding: chunked')}${chunks}`)).toMatch(/5\r\nhello\r\n0\r\n\r\n$/);
  });
});
