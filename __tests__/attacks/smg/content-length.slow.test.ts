/** Lengths that two readers read as different numbers, or that one of them ignores. */
import { closeGrounds, openGround, request, type Ground } from '../../support/attack-ground.js';
import { Conversation } from '../../support/conversation.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

/** Returns the responses on one connection to a POST with these lines and `abc`, and to a request after it. */
async function post(...lines: readonly string[]): Promise<readonly number[]> {
  const bytes = request('POST', '/public/x', lines, 'abc') + request('GET', '/public/behind', ['Connection: close']);
  return (await new Conversation(ground.port).send(bytes).rest()).map(({ status }) => status);
}

describe('SMG-03 bad lengths', () => {
  test.each([
    '',
    ' ',
    '+3',
    '-1',
    '-0',
    '3 3',
    '3\t3',
    '0x3',
    '0b11',
    '3,3',
    '3, 3',
    '3;',
    '3;3',
    '3.0',
    '3e0',
    '"3"',
    'three',
    '\xb2',
    '3\x00',
    '\x0b3',
    '3\x0c',
    '18446744073709551616',
    '18446744073709551619',
    '9007199254740993',
    '1'.repeat(16),
    '0'.repeat(400) + '3',
    '3'.repeat(5_000),
  ])('Content-Length: %j is refused, and so is the request after it', async (length) => {
    expect(await post(`Content-Length: ${length}`)).toEqual([400]);
    expect(ground.arrived()).toEqual([]);
  });

  test.each([
    ['two different', ['Content-Length: 3', 'Content-Length: 5']],
    ['two equal', ['Content-Length: 3', 'Content-Length: 3']],
    ['two in other cases', ['Content-Length: 3', 'content-length: 3']],
    ['one empty', ['Content-Length:', 'Content-Length: 3']],
    ['one folded', ['Content-Length:\r\n 3']],
    ['one continued', ['Content-Length: 3\r\n 3']],
    ['one after a space', [' Content-Length: 3']],
    ['one before a space', ['Content-Length : 3']],
    ['one beside chunks', ['Content-Length: 3', 'Transfer-Encoding: chunked']],
    ['one behind chunks', ['Transfer-Encoding: chunked', 'Content-Length: 3']],
    ['one of another spelling', ['Content-Length: 3', 'Content_Length: 5']],
    ['one named by Connection', ['Connection: content-length', 'Content-Length: 3']],
  ])('%s: refused', async (_what, lines) => {
    expect(await post(...lines)).toEqual([400]);
    expect(ground.arrived()).toEqual([]);
  });

  test.each(['3', '  3', '3  ', '\t3\t', '03', '000000000000003'])('twin: %j carries three bytes', async (length) => {
    expect(await post(`Content-Length:${length}`)).toEqual([200, 200]);
    expect(ground.arrived().map(({ target, body }) => [target, body])).toEqual([
      ['/public/x', 'abc'],
      ['/public/behind', ''],
    ]);
  });

  test('twin: 0 is an empty body', async () => {
    const answer = await ground.send(request('POST', '/public/x', ['Content-Length: 0']));
    expect(answer).toMatch(/^HTTP\/1\.1 200/);
    expect(ground.arrived().map(({ body }) => body)).toEqual(['']);
  });
});
