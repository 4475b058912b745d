/** A host that speaks HTTP/2 before an HTTP/1 upstream: frames must not become another message. */
import { once } from 'node:events';
import { connect, createServer, type ClientHttp2Session, type Http2Server } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isBodyConsumed, readBody } from '../../../src/http/request-body.js';
import { loom, type Loom } from '../../../src/loom.js';
import { ENGINE_BLOCK } from '../../support/engine.js';
import { readMessages, valuesOf, type Message } from '../../support/messages.js';
import { quietLog } from '../../support/quiet-log.js';
import { answerEachHead, recordingUpstream, type Recording } from '../../support/recording-upstream.js';

const INNER = 'GET /guarded/stolen HTTP/1.1\r\nHost: gw\r\n\r\n';
const textFor = (port: number): string => `
middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: alice }] } } }
routes:
  - { path: /mixed/*, methods: [POST, DELETE], upstream: main, auth: { api_key: true } }
  - { path: /mixed/*, upstream: main, auth: none }
  - { path: /guarded/*, upstream: main, auth: { api_key: true } }
  - { path: /own-host/*, upstream: main, auth: none, preserve_host: false }
upstreams: [{ name: main, endpoints: ["127.0.0.1:${port}"], pool: { max_open: 1, max_idle: 1 } }]
${ENGINE_BLOCK}
`;

type Before = (req: IncomingMessage) => Promise<unknown>;

let upstream: Recording;
let gate: Loom;
let server: Http2Server;
let client: ClientHttp2Session;
let before: Before;

beforeEach(async () => {
  before = () => Promise.resolve();
  upstream = await recordingUpstream(answerEachHead('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  gate = loom({ text: textFor(upstream.port), file: 'loom.yaml' }, { log: quietLog() });
  server = createServer((req, res) => {
    const [request, response] = [req, res] as unknown as [IncomingMessage, ServerResponse];
    void before(request).then(() => gate(request, response, () => response.end()));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

afterEach(async () => {
  client.destroy();
  server.close();
  await gate.close();
  await upstream.close();
});

async function ask(method: string, body: string, headers: Record<string, string> = {}): Promise<unknown> {
  const fields = { ':path': '/mixed/x', ':method': method, ':authority': 'gw', ...headers };
  const stream = client.request(fields, { endStream: body === '' });
  stream.resume();
  if (body !== '') stream.end(body);
  const [answer] = (await once(stream, 'response')) as [{ readonly ':status'?: number }];
  return answer[':status'];
}

const arrived = (): readonly Message[] => upstream.received.flatMap((bytes) => readMessages(bytes).messages);

describe('a body that no field announces', () => {
  test.each(['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'SEARCH', 'QUERY', 'PUT'])(
    'of a %s arrives as one message with its body',
    async (method) => {
      expect(await ask(method, INNER)).toBe(200);
      expect(arrived().map(({ method: each, target, body }) => [each, target, body])).toEqual([
        [method, '/mixed/x', INNER],
      ]);
    },
  );

  test('of an allowed DELETE arrives as one message, too', async () => {
    expect(await ask('DELETE', INNER, { 'x-api-key': 'key-of-alice' })).toBe(200);
    expect(arrived().map(({ body }) => body)).toEqual([INNER]);
  });

  test('is missing if the host has read it before: no upstream gets half of a request', async () => {
    before = (req) => req.resume().toArray();
    expect(await ask('PUT', INNER)).toBe(500);
    expect(arrived()).toEqual([]);
  });

  test('can be read and is still forwarded whole', async () => {
    before = async (req) => {
      const read = await readBody(req, { maxBytes: 1_000, idleMs: 1_000 });
      expect(read.kind === 'whole' && read.body.toString()).toBe(INNER);
      expect(isBodyConsumed(req)).toBe(false);
    };
    expect(await ask('PUT', INNER)).toBe(200);
    expect(arrived().map(({ body }) => body)).toEqual([INNER]);
  });

  test('is not invented: a request without one has no framing, one with a length keeps it', async () => {
    before = async (req) => void (await req.resume().toArray());
    expect(await ask('GET', '')).toBe(200);
    before = () => Promise.resolve();
    expect(await ask('PUT', 'four', { 'content-length': '4' })).toBe(200);
    const framed = arrived().map((each) => [
      each.body,
      valuesOf(each, 'content-length'),
      valuesOf(each, 'transfer-encoding'),
    ]);
    expect(framed).toEqual([
      ['', [], []],
      ['four', ['4'], []],
    ]);
  });
});

describe('a method in another case', () => {
  test.each(['post', 'Post', 'delete', 'dELETE', 'trace', 'get'])('%s is not a method', async (method) => {
    expect(await ask(method, 'body')).toBe(400);
    expect(arrived()).toEqual([]);
  });

  test('in its own case it is: guarded ones require a credential, the others do not', async () => {
    expect(await ask('POST', 'body')).toBe(401);
    expect(await ask('M-SEARCH', '')).toBe(200);
    expect(await ask('POST', 'body', { 'x-api-key': 'key-of-alice' })).toBe(200);
  });
});

describe('a host in `:authority`', () => {
  const hostsOf = (message: Message | undefined): unknown => message && valuesOf(message, 'host');

  test.each([
    ['alone', {}],
    ['and in a field', { host: 'gw' }],
  ])('%s is not sent to an upstream that sets its own host', async (_where, fields) => {
    expect(await ask('GET', '', { ':path': '/own-host/x', ...fields })).toBe(200);
    expect(hostsOf(arrived()[0])).toEqual([`127.0.0.1:${upstream.port}`]);
  });

  test('is forwarded to all others', async () => {
    expect(await ask('GET', '')).toBe(200);
    expect(hostsOf(arrived()[0])).toEqual(['gw']);
  });
});
