/** Heads whose lines end elsewhere for another reader: bare CR and LF, empty names, folded and shifted lines. */
import { closeGrounds, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { Conversation } from '../../support/conversation.js';
import { valuesOf } from '../../support/messages.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

/** Returns the responses on one connection to these bytes and to a request after them. */
async function statuses(bytes: string): Promise<readonly number[]> {
  const client = new Conversation(ground.port).send(bytes).send(get('/public/behind', 'Connection: close'));
  return (await client.rest()).map(({ status }) => status);
}

const refused = async (bytes: string): Promise<void> => {
  expect(await statuses(bytes)).toEqual([400]);
  expect(ground.arrived()).toEqual([]);
};

/** A request with its lines exactly as given. */
const lines = (...rest: readonly string[]): string => `GET /public/x HTTP/1.1\r\n${rest.join('')}\r\n`;

describe('SMG-05 bare line ends', () => {
  test.each([
    ['LF throughout', 'GET /public/x HTTP/1.1\nHost: gw\n\n'],
    ['LF after the request line', 'GET /public/x HTTP/1.1\nHost: gw\r\n\r\n'],
    ['LF after a field', lines('Host: gw\n', 'X-A: b\r\n')],
    ['LF as the end', 'GET /public/x HTTP/1.1\r\nHost: gw\r\n\n'],
    ['LF LF as the end', 'GET /public/x HTTP/1.1\r\nHost: gw\n\nX-User-ID: admin\r\n\r\n'],
    ['CR throughout', 'GET /public/x HTTP/1.1\rHost: gw\r\r'],
    ['CR after the request line', 'GET /public/x HTTP/1.1\rHost: gw\r\n\r\n'],
    ['CR in a value', lines('Host: gw\r\n', 'X-Foo: a\rX-User-ID: admin\r\n')],
    ['CR before a value', lines('Host: gw\r\n', 'X-Foo:\rX-User-ID: admin\r\n')],
    ['CR after a value', lines('Host: gw\r\n', 'X-Foo: a\r\r\n')],
    ['CR in a name', lines('Host: gw\r\n', 'X-Foo\rX-User-ID: admin\r\n')],
    ['CR as the end', 'GET /public/x HTTP/1.1\r\nHost: gw\r\n\rX: y\r\n\r\n'],
    ['CR and a field as the end', 'GET /public/x HTTP/1.1\r\nHost: gw\r\n\rX-User-ID: admin\r\n\r\n'],
    ['CR CR LF as the end', 'GET /public/x HTTP/1.1\r\nHost: gw\r\n\r\r\n'],
    ['CR in the target', 'GET /public/x\r/internal HTTP/1.1\r\nHost: gw\r\n\r\n'],
    ['LF in the target', 'GET /public/x\n/internal HTTP/1.1\r\nHost: gw\r\n\r\n'],
    ['NUL in a value', lines('Host: gw\r\n', 'X-Foo: a\0b\r\n')],
    ['NUL in a name', lines('Host: gw\r\n', 'X-\0Foo: a\r\n')],
    ['LF after the version', 'GET /public/x HTTP/1.1 \nHost: gw\r\n\r\n'],
    ['a tab in the request line', 'GET\t/public/x\tHTTP/1.1\r\nHost: gw\r\n\r\n'],
  ])('%s: refused', (_what, bytes) => refused(bytes));

  test('twin: line ends before a request are ignored, as old clients send them after a body', async () => {
    expect(await statuses(`\r\n\r\n${get('/public/x')}\r\n`)).toEqual([200, 200]);
    expect(ground.arrived()).toHaveLength(2);
  });
});

describe('SMG-06 empty names', () => {
  test.each([
    ['before the length', [': x', 'Content-Length: 5']],
    ['before the credential', [': x', 'X-API-Key: a']],
    ['as the first line', [':']],
    ['with white space', [' : x']],
    ['with a tab', ['\t: x']],
    ['behind other fields', ['X-A: b', ': x', 'X-User-ID: admin']],
    ['without a colon', ['X-User-ID']],
    ['twice', [':: x']],
  ])('%s: refused', (_what, fields) => refused(request('POST', '/public/x', fields, 'hello')));

  test('twin: an empty value is valid', async () => {
    expect(await statuses(get('/public/x', 'X-A:', 'X-B: '))).toEqual([200, 200]);
    const [message] = ground.arrived();
    expect(message && [valuesOf(message, 'x-a'), valuesOf(message, 'x-b')]).toEqual([[''], ['']]);
  });
});

describe('SMG-07 shifted and folded framing', () => {
  test.each([
    ['a space before Content-Length', [' Content-Length: 3']],
    ['a tab before Content-Length', ['\tContent-Length: 3']],
    ['a space before a second Content-Length', ['Content-Length: 3', ' Content-Length: 5']],
    ['a space after the name', ['Content-Length : 3']],
    ['a length folded', ['Content-Length:\r\n 3']],
    ['a length folded by a tab', ['Content-Length:\r\n\t3']],
    ['a length that continues', ['Content-Length: 3\r\n 0']],
    ['chunked folded', ['Transfer-Encoding:\r\n chunked']],
    ['chunked folded by a tab', ['Transfer-Encoding:\r\n\tchunked']],
    ['chunked that continues', ['Transfer-Encoding: chunked\r\n ']],
    ['chunked hidden in another fold', ['X-A: b\r\n Transfer-Encoding: chunked']],
    ['an identity hidden in another fold', ['X-A: b\r\n X-User-ID: admin']],
    ['a credential hidden in another fold', ['X-A: b\r\n\tX-API-Key: a']],
    ['chunked folded by LF', ['Transfer-Encoding:\n chunked']],
  ])('%s: refused', (_what, fields) => refused(request('POST', '/public/x', fields, '3\r\nabc\r\n0\r\n\r\n')));

  test('twin: white space around a value is not part of it', async () => {
    expect(await statuses(request('POST', '/public/x', ['Content-Length: \t 3 \t'], 'abc'))).toEqual([200, 200]);
    expect(ground.arrived().find(({ target }) => target === '/public/x')?.body).toBe('abc');
  });
});
