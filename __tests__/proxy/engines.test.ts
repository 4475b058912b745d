/** Where the engines differ, as the page of the gateway lists it, and what neither of them forwards. */
import type { EngineName } from '../../src/config/upstream-types.js';
import { readMessages, valuesOf, type Message } from '../support/messages.js';
import { exchange, type ReadResponse } from '../support/raw-exchange.js';
import { recordingUpstream, type Answer } from '../support/recording-upstream.js';
import { closeUpstreamGrounds, upstreamGround } from '../support/upstream-ground.js';

afterEach(closeUpstreamGrounds);

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Outcome {
  readonly message: Message | undefined;
  readonly response: ReadResponse;
  /** The number of connections after a second request. */
  readonly connections: number;
}

async function sent(engine: EngineName, method: string, request: string, answer = OK): Promise<Outcome> {
  const ends: Answer = (received) => {
    const { messages, rest } = readMessages(received.slice(answered));
    if (messages.length === 0 || rest !== '') return undefined;
    answered = received.length;
    return messages[0]?.method === 'HEAD' ? OK.slice(0, -2) : answer;
  };
  let answered = 0;
  const upstream = await recordingUpstream((received, socket, chunk) => {
    if (received.length === chunk.length) answered = 0;
    return ends(received, socket, chunk);
  });
  const { port } = await upstreamGround([upstream], { plan: { engine } });
  const response = await exchange(port, method, { pieces: [request], after: 'open' });
  await exchange(port, 'GET', { pieces: ['GET /next HTTP/1.1\r\nHost: a\r\n\r\n'], after: 'open' });
  const message = readMessages(upstream.received[0] ?? '').messages[0];
  const connections = upstream.received.length;
  await upstream.close();
  return { message, response, connections };
}

const headOf = (method: string, ...lines: readonly string[]): string =>
  [`${method} /x HTTP/1.1`, ...lines, '', ''].join('\r\n');
const namesOf = (message: Message | undefined): string[] => (message?.fields ?? []).map(([name]) => name.toLowerCase());

describe.each<readonly [EngineName, boolean]>([
  ['http-proxy-middleware', false],
  ['undici', true],
])('%s', (engine, isUndici) => {
  test('the place of Host and Content-Length', async () => {
    const lines = ['Accept: a', 'Content-Length: 2', 'X-A: 1', 'Host: a.example', 'X-B: 2'];
    const { message } = await sent(engine, 'POST', `${headOf('POST', ...lines)}ab`);
    const own = ['accept', 'content-length', 'x-a', 'host', 'x-b', 'connection'];
    const moved = ['host', 'connection', 'accept', 'x-a', 'x-b', 'content-length'];
    expect(namesOf(message)).toEqual(isUndici ? moved : own);
    expect(message?.body).toBe('ab');
  });

  test.each(['POST', 'GET'])('a chunked body of 0 bytes after %s', async (method) => {
    const request = `${headOf(method, 'Host: a', 'Transfer-Encoding: chunked')}0\r\n\r\n`;
    const { message } = await sent(engine, method, request);
    expect(message?.body).toBe('');
    expect(namesOf(message).includes('transfer-encoding')).toBe(!isUndici);
  });

  test.each(['DELETE', 'OPTIONS'])('%s without a body', async (method) => {
    const { message } = await sent(engine, method, headOf(method, 'Host: a'));
    expect(message && valuesOf(message, 'content-length')).toEqual(isUndici ? [] : ['0']);
  });

  test.each([
    ['HEAD', headOf('HEAD', 'Host: a')],
    ['GET with a body', `${headOf('GET', 'Host: a', 'Content-Length: 2')}ab`],
    ['DELETE with a body', `${headOf('DELETE', 'Host: a', 'Content-Length: 2')}ab`],
  ] as const)('the connection after %s', async (_what, request) => {
    const { connections, message } = await sent(engine, request.slice(0, request.indexOf(' ')), request);
    expect(connections).toBe(isUndici ? 2 : 1);
    expect(message && valuesOf(message, 'connection')).toEqual([isUndici ? 'close' : 'keep-alive']);
  });

  test('the connection after a chunked body', async () => {
    const { message } = await sent(
      engine,
      'POST',
      `${headOf('POST', 'Host: a', 'Transfer-Encoding: chunked')}2\r\nab\r\n0\r\n\r\n`,
    );
    expect(message && valuesOf(message, 'connection')).toEqual([isUndici ? 'keep-alive' : 'close']);
  });

  test('100 Continue as an answer', async () => {
    const { response } = await sent(engine, 'GET', headOf('GET', 'Host: a'), `HTTP/1.1 100 Continue\r\n\r\n${OK}`);
    expect(response.status).toBe(isUndici ? 502 : 200);
  });

  test('neither trailers nor Expect nor an interim response go on', async () => {
    const lines = ['Host: a', 'TE: trailers', 'Trailer: X-Last', 'Transfer-Encoding: chunked'];
    const request = `${headOf('POST', ...lines)}2\r\nab\r\n0\r\nX-Last: 1\r\n\r\n`;
    const answer =
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Last: 1\r\n\r\n';
    const { message, response } = await sent(engine, 'POST', request, answer);
    expect(message?.raw).not.toMatch(/x-last: 1/i);
    expect(message?.body).toBe('ab');
    expect(response).toMatchObject({ status: 200, body: 'ok', complete: true });
    expect(response.head.join('\n')).not.toMatch(/x-last: 1|link/i);
  });
});
