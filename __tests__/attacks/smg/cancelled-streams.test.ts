/** An HTTP/2 client cancels an upload. The upstream must not take the part that arrived for a whole body. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http2';
import { connect } from 'node:net';
import { contextOf } from '../../../src/context/request-context.js';
import type { EngineName } from '../../../src/config/upstream-types.js';
import { createUpstream } from '../../../src/proxy/upstream.js';
import { dataFrame, openStream, resetFrame } from '../../support/http2-frames.js';
import { readMessages } from '../../support/messages.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening, recordingUpstream } from '../../support/recording-upstream.js';
import { until } from '../../support/until.js';
import { closeUpstreamGrounds, planOf } from '../../support/upstream-ground.js';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await closeUpstreamGrounds();
});

async function sceneOf(engine: EngineName) {
  const far = await recordingUpstream((received) =>
    readMessages(received).messages.length > 0 ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' : undefined,
  );
  const upstream = createUpstream(planOf([far], { engine }), {
    log: quietLog(),
    now: Date.now,
    onFailure: (_context, res, { status }) => res.writeHead(status).end(),
  });
  const server = createServer((request, response) => {
    const [req, res] = [request, response] as unknown as [IncomingMessage, ServerResponse];
    upstream.forward(contextOf(req), res, { url: req.url ?? '/', timeoutMs: 5_000, preserveHost: true });
  });
  const port = await listening(server);
  const client = connect(port, '127.0.0.1');
  client.on('error', () => undefined).resume();
  cleanups.push(
    () => far.close(),
    () => upstream.close(),
    () => closed(server, [client]),
  );
  const messages = () => far.received.flatMap((bytes) => readMessages(bytes).messages);
  return { far, client, messages };
}

const FIELDS = { ':method': 'POST', ':scheme': 'http', ':path': '/upload', ':authority': 'a.example' };

describe.each<EngineName>(['http-proxy-middleware', 'undici'])('G-35 %s', (engine) => {
  test.each([
    ['NO_ERROR', 0],
    ['CANCEL', 8],
    ['INTERNAL_ERROR', 2],
  ])('an upload that ends with %s never arrives as a whole one', async (_name, code) => {
    const { far, client, messages } = await sceneOf(engine);
    client.write(Buffer.concat([openStream(1, FIELDS), dataFrame(1, 'half')]));
    await until(() => far.received.some((bytes) => bytes.includes('half')));
    client.write(resetFrame(1, code));
    await until(() => far.sockets.every(({ destroyed }) => destroyed));
    expect(messages()).toEqual([]);
  });

  test('an upload whose connection breaks never arrives as a whole one', async () => {
    const { far, client, messages } = await sceneOf(engine);
    client.write(Buffer.concat([openStream(1, FIELDS), dataFrame(1, 'half')]));
    await until(() => far.received.some((bytes) => bytes.includes('half')));
    client.resetAndDestroy();
    await until(() => far.sockets.every(({ destroyed }) => destroyed));
    expect(messages()).toEqual([]);
  });

  test('twin: an upload with its end arrives', async () => {
    const { client, messages } = await sceneOf(engine);
    client.write(Buffer.concat([openStream(1, FIELDS), dataFrame(1, 'ha'), dataFrame(1, 'lf', true)]));
    await until(() => messages().length > 0);
    expect(messages()[0]).toMatchObject({ method: 'POST', target: '/upload', body: 'half' });
  });
});
