/** What ends with a client, with a table and with a credential. */
import { once } from 'node:events';
import { connect as connectHttp2, constants, createServer } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { ends } from './ends.js';
import { closeSites, site, type Site } from './site.js';
import { listening, recordingUpstream, type Recording } from '../support/recording-upstream.js';
import { until } from '../support/until.js';

const open: Recording[] = [];
afterEach(async () => {
  await closeSites();
  for (const upstream of open.splice(0)) await upstream.close();
});

async function upstreamOf(...given: Parameters<typeof recordingUpstream>): Promise<Recording> {
  const upstream = await recordingUpstream(...given);
  open.push(upstream);
  return upstream;
}

const fileTo = ({ port }: Recording, keys = '{ key: key-of-alice, name: alice }'): string => `
middleware: { auth: { api_key: { keys: [${keys}] } } }
routes: [{ id: all, path: /*, upstream: one, auth: { api_key: true } }]
upstreams: [{ name: one, endpoints: ["127.0.0.1:${port}"] }]
`;
const HEAD = 'POST /x HTTP/1.1\r\nHost: a\r\nX-API-Key: key-of-alice\r\n';

/** Sends bytes, waits until the upstream has a connection that holds the text, and returns both ends. */
async function reaching({ port }: Site, upstream: Recording, bytes: string): Promise<{ client: Socket; far: Socket }> {
  const client = connect(port, '127.0.0.1').on('error', () => undefined);
  client.write(bytes);
  const reached = (): number => upstream.received.findIndex((text) => text.includes('\r\n\r\n'));
  await until(() => reached() >= 0);
  return { client, far: upstream.sockets[reached()] as Socket };
}

describe('the upstream’s connection ends when the client leaves', () => {
  test.each<[string, string]>([
    ['before an answer', `${HEAD}Content-Length: 0\r\n\r\n`],
    ['in the middle of its body', `${HEAD}Content-Length: 10\r\n\r\nhalf`],
    ['in the middle of chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`],
  ])('%s', async (_when, bytes) => {
    const upstream = await upstreamOf();
    const { client, far } = await reaching(await site(fileTo(upstream)), upstream, bytes);
    const ended = ends(far);
    client.destroy();
    expect(await ended).toBe('ended');
  });

  test('in the middle of the answer', async () => {
    const upstream = await upstreamOf((_received, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf');
    });
    const { client, far } = await reaching(await site(fileTo(upstream)), upstream, `${HEAD}Content-Length: 0\r\n\r\n`);
    await once(client, 'data');
    const ended = ends(far);
    client.destroy();
    expect(await ended).toBe('ended');
  });

  test.each<[string, string | undefined]>([
    ['before an answer', undefined],
    ['in the middle of the answer', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf'],
  ])('over HTTP/2: %s', async (_when, answer) => {
    const upstream = await upstreamOf(() => answer);
    const { gate } = await site(fileTo(upstream));
    const server = createServer((req, res) => gate(req as never, res as never, () => res.end()));
    const port = await listening(server);
    const session = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => undefined);
    const stream = session.request({ ':path': '/x', 'x-api-key': 'key-of-alice' }).on('error', () => undefined);
    await until(() => (upstream.received[0] ?? '').includes('\r\n\r\n'));
    if (answer !== undefined) await once(stream, 'data');
    const ended = ends(upstream.sockets[0] as Socket);
    stream.close(constants.NGHTTP2_CANCEL);
    const outcome = await ended;
    session.destroy();
    await new Promise((resolve) => server.close(resolve));
    expect(outcome).toBe('ended');
  });

  test('twin: stays for the next request of a client that got its answer', async () => {
    const upstream = await upstreamOf(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const made = await site(fileTo(upstream));
    const headers = { 'X-API-Key': 'key-of-alice' };
    expect(await made.ask({ headers })).toBe('200 ok');
    expect(await made.ask({ headers })).toBe('200 ok');
    expect(upstream.sockets).toHaveLength(1);
  });
});

describe('an old table', () => {
  const answer = () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  const headers = { 'X-API-Key': 'key-of-alice' };

  test('is closed after its last request: its idle connections end', async () => {
    const [first, second] = [await upstreamOf(answer), await upstreamOf(answer)];
    const { gate, ask } = await site(fileTo(first));
    expect(await ask({ headers })).toBe('200 ok');
    const ended = ends(first.sockets[0] as Socket);
    await gate.reload({ text: fileTo(second), file: 'loom.yaml' });
    expect(await ended).toBe('ended');
    expect(await ask({ headers })).toBe('200 ok');
    expect(second.sockets).toHaveLength(1);
  });

  test('twin: keeps the connections that the next one goes on with', async () => {
    const upstream = await upstreamOf(answer);
    const { gate, ask } = await site(fileTo(upstream));
    expect(await ask({ headers })).toBe('200 ok');
    const keys = '{ key: key-of-alice, name: alice }, { key: key-of-bob, name: bob }';
    await gate.reload({ text: fileTo(upstream, keys), file: 'loom.yaml' });
    expect(await ask({ headers: { 'X-API-Key': 'key-of-bob' } })).toBe('200 ok');
    expect(await ask({ headers })).toBe('200 ok');
    expect(upstream.sockets).toHaveLength(1);
  });

  test('does not admit a key that the new table does not know, though the method has the same name', async () => {
    const upstream = await upstreamOf(answer);
    const { gate, ask } = await site(fileTo(upstream));
    expect(await ask({ headers })).toBe('200 ok');
    await gate.reload({ text: fileTo(upstream, '{ key: key-of-bob, name: alice }'), file: 'loom.yaml' });
    expect(await ask({ headers })).toBe('401');
    expect(await ask({ headers: { 'X-API-Key': 'key-of-bob' } })).toBe('200 ok');
  });

  test('stays where the next one is refused', async () => {
    const upstream = await upstreamOf(answer);
    const { gate, ask } = await site(fileTo(upstream));
    await expect(
      gate.reload({ text: fileTo(upstream).replace('api_key: true', 'jwt: true'), file: 'loom.yaml' }),
    ).rejects.toThrow();
    expect(await ask({ headers })).toBe('200 ok');
    expect(await ask()).toBe('401');
  });
});
