/** A limit of the gateway's own process is no fault of an endpoint: 503, and neither its breaker nor its health counts it. */
import { ownLimitOf } from '../../../src/lib/own-limit.js';
import { ENGINE_BLOCK } from '../../support/engine.js';
import { Conversation } from '../../support/conversation.js';
import { LimitedGateway } from '../../support/limited-gateway.js';
import { closeUpstreamGrounds, moody, type MoodyEndpoint } from '../../support/upstream-ground.js';
import { until } from '../../support/until.js';

const gateways: LimitedGateway[] = [];
const limited = (text: string): Promise<LimitedGateway> => {
  const gateway = new LimitedGateway(text);
  gateways.push(gateway);
  return gateway.start();
};

afterEach(async () => {
  for (const gateway of gateways.splice(0)) gateway.close();
  await closeUpstreamGrounds();
});

const fileOf = (host: string, { url }: MoodyEndpoint): string => `
routes: [{ path: /*, upstream: one, auth: none }]
upstreams:
  - name: one
    endpoints: ["${host}:${new URL(url).port}"]
    circuit_breaker: { failure_threshold: 2, timeout: 1h }
    health_check: { path: /health, interval: 1s, unhealthy_threshold: 1 }
    pool: { max_idle: 0 }
${ENGINE_BLOCK}`;

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`;

test.each(['127.0.0.1', 'localhost'])('without descriptors, towards %s', async (host) => {
  const endpoint = await moody();
  const gateway = await limited(fileOf(host, endpoint));
  // Those that are accepted before there are none left.
  const [client, upgrading] = [new Conversation(gateway.port), new Conversation(gateway.port)];
  expect((await client.send(GET).reply())?.status).toBe(200);
  expect((await upgrading.send(GET).reply())?.status).toBe(200);
  await until(() => endpoint.open === 0);
  expect(await gateway.tell('exhaust')).toEqual({ code: 'EMFILE' });
  for (let n = 0; n < 4; n++) {
    const reply = await client.send(GET).reply();
    expect([reply?.status, /^retry-after: 5/im.test(reply?.head ?? '')]).toEqual([503, true]);
    expect(JSON.parse(reply?.body ?? '')).toMatchObject({ code: 'gateway_exhausted' });
  }
  expect((await upgrading.send(HANDSHAKE).reply())?.status).toBe(503);
  await upgrading.rest();
  // The end of that connection left a descriptor. A health check is due each second.
  await gateway.tell('exhaust');
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  await gateway.tell('free');
  expect((await client.send(GET).reply())?.status).toBe(200);
  const lines = await gateway.lines();
  const limits = lines.filter(({ words }) => /limit of its own/.test(String(words)));
  // One line for each cause and minute: one for the requests, one for the handshake.
  expect(limits.filter(({ status }) => status === 503)).toHaveLength(2);
  expect(limits.filter(({ status }) => status === undefined).length).toBeGreaterThan(0);
  expect(new Set(limits.map(({ cause }) => cause))).toEqual(new Set(['EMFILE']));
  expect(lines.filter(({ words }) => /circuit|unhealthy/.test(String(words)))).toEqual([]);
  client.close();
});

test('twin: an endpoint that refuses still opens its breaker, in the same process', async () => {
  const endpoint = await moody();
  await endpoint.stop();
  const gateway = await limited(fileOf('localhost', endpoint).replace(/ {4}health.*\n/, ''));
  const client = new Conversation(gateway.port);
  const statuses = [];
  for (let n = 0; n < 3; n++) statuses.push((await client.send(GET).reply())?.status);
  expect(statuses).toEqual([502, 502, 503]);
  client.close();
});

describe('what is a limit of this process', () => {
  const of = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more });

  test.each(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN'])('%s', (code) => {
    expect(ownLimitOf(of(code))?.code).toBe(code);
    expect(ownLimitOf(new TypeError('fetch failed', { cause: of(code) }))?.code).toBe(code);
  });

  test.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'CERT_HAS_EXPIRED'])(
    'twin: %s is none',
    (code) => expect(ownLimitOf(of(code))).toBeUndefined(),
  );

  test('a name that is not found is none while there are descriptors', () => {
    expect(ownLimitOf(of('ENOTFOUND', { syscall: 'getaddrinfo' }))).toBeUndefined();
  });

  test('of several addresses: one without a descriptor is a limit; one without a local address is none beside a refusal', () => {
    const several = (...codes: readonly string[]) =>
      ownLimitOf(new AggregateError(codes.map((code) => of(code))))?.code;
    expect(several('ECONNREFUSED', 'EMFILE')).toBe('EMFILE');
    expect(several('EADDRNOTAVAIL', 'EADDRNOTAVAIL')).toBe('EADDRNOTAVAIL');
    expect(several('EADDRNOTAVAIL', 'ECONNREFUSED')).toBeUndefined();
  });

  test.each([undefined, null, 'EMFILE', 7])('%p is none', (value) => expect(ownLimitOf(value)).toBeUndefined());
});
