/** Streams of an HTTP/2 host that a client opens and cancels ("rapid reset"). None may leave work behind. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, createServer, type ClientHttp2Session, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { loom, type Loom } from '../../../src/loom.js';
import { ENGINE_BLOCK } from '../../support/engine.js';
import { quietLog } from '../../support/quiet-log.js';
import { echoUpstream, type Echo } from '../../support/recording-upstream.js';
import { until } from '../../support/until.js';

const errors: unknown[] = [];
let decide: (() => void)[] = [];
let open = 0;
let asked = 0;
let upstream: Echo;
let gate: Loom;
let server: Http2Server;
let client: ClientHttp2Session;

/** Decides when the test says so. */
const slow = {
  strategy: {
    authenticate(this: { success(user: string): void }) {
      decide.push(() => this.success('alice'));
    },
  },
};

beforeAll(async () => {
  upstream = await echoUpstream((req, res) => {
    if (req.url?.endsWith('/quick')) return false;
    [open, asked] = [open + 1, asked + 1];
    res.once('close', () => (open -= 1));
    if (req.url?.endsWith('/endless')) res.write('begun');
    return true;
  });
  const text = `
routes:
  - { path: /open/*, upstream: main, auth: none }
  - { path: /slow/*, upstream: main, auth: { slow: true } }
upstreams: [{ name: main, endpoints: ["127.0.0.1:${upstream.port}"] }]
${ENGINE_BLOCK}`;
  const log = { ...quietLog(), error: (...told: unknown[]) => void errors.push(told) };
  gate = loom({ text, file: 'loom.yaml' }, { log, strategies: { slow } });
  server = createServer((req, res) => {
    gate(req as unknown as IncomingMessage, res as unknown as ServerResponse, () => res.end());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

beforeEach(() => {
  [decide, asked] = [[], 0];
  client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.on('error', () => undefined);
});

afterEach(() => client.destroy());
afterAll(async () => {
  server.close();
  await gate.close();
  await upstream.close();
});

function request(path: string, method: string) {
  const stream = client.request({ ':path': path, ':method': method }, { endStream: method === 'GET' });
  stream.on('error', () => undefined);
  if (method !== 'GET') stream.write('some of it');
  return stream;
}

const CANCEL = 8;

test.each([
  ['GET', '/open/hang'],
  ['GET', '/open/endless'],
  ['POST', '/open/hang'],
])('%s %s: the upstream request is aborted at once', async (method, path) => {
  const streams = [...Array(20).keys()].map(() => request(path, method));
  await until(() => open === 20);
  for (const stream of streams.slice(0, 10)) stream.close(CANCEL);
  await until(() => open === 10);
  client.destroy();
  await until(() => open === 0);
});

test.each(['GET', 'POST'])('%s: cancelled before the decision, the upstream gets no request', async (method) => {
  const stream = request('/slow/hang', method);
  await until(() => decide.length === 1);
  stream.close(CANCEL);
  await once(stream, 'close');
  await new Promise((resolve) => setTimeout(resolve, 50));
  decide[0]?.();
  const other = request('/open/quick', 'GET');
  await once(other, 'response');
  expect(asked).toBe(0);
  expect(errors).toEqual([]);
});

test('requests that are not cancelled are answered, on connections that are kept', async () => {
  for (let round = 0; round < 3; round++) {
    const stream = request('/open/quick', 'GET');
    const [head] = (await once(stream, 'response')) as [{ readonly ':status'?: number }];
    expect(head[':status']).toBe(200);
    expect(((await stream.setEncoding('utf8').toArray()) as string[]).join('')).toMatch(/"url":"\/open\/quick"/);
  }
  const waiting = request('/slow/quick', 'GET');
  await until(() => decide.length === 1);
  decide[0]?.();
  const [head] = (await once(waiting, 'response')) as [{ readonly ':status'?: number }];
  expect(head[':status']).toBe(200);
});
