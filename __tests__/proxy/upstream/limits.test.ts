/** Time, connections and TLS towards an upstream: what is bounded, and what is left behind. */
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { closed, listening, recordingUpstream } from '../../support/recording-upstream.js';
import { closeUpstreamGrounds, moody, upstreamGround } from '../../support/upstream-ground.js';
import { until } from '../../support/until.js';

afterEach(closeUpstreamGrounds);

describe('connections', () => {
  test('max_idle: 0 keeps none, and a number keeps as many', async () => {
    const endpoint = await moody();
    const keeping = await upstreamGround([endpoint], { plan: { maxIdle: 1 } });
    await Promise.all([keeping.get(), keeping.get(), keeping.get()]);
    await until(() => endpoint.open === 1);
    keeping.upstream.close();
    await until(() => endpoint.open === 0);
    const none = await upstreamGround([endpoint], { plan: { maxIdle: 0 } });
    for (let n = 0; n < 3; n++) await none.get();
    await until(() => endpoint.open === 0);
  });

  test('an idle one ends after its time', async () => {
    const endpoint = await moody();
    const ground = await upstreamGround([endpoint], { plan: { idleTimeoutMs: 200 } });
    await ground.get();
    expect(endpoint.open).toBe(1);
    await until(() => endpoint.open === 0);
  });

  test('where too many wait for one, 503 at once; those that wait are answered', async () => {
    const endpoint = await moody();
    const held: (() => void)[] = [];
    endpoint.mood = (_req, res) => void held.push(() => res.end('answer'));
    const ground = await upstreamGround([endpoint], { plan: { maxOpen: 1 } });
    const crowd = Array.from({ length: 101 }, () => ground.get());
    await until(() => ground.upstream.status().endpoints[0]?.inFlight === 101);
    const answer = await ground.get();
    expect([answer.status, answer.body, answer.headers.get('retry-after')]).toEqual([503, 'upstream_overloaded', '5']);
    expect(endpoint.asked).toHaveLength(1);
    endpoint.mood = 200;
    held[0]?.();
    expect((await Promise.all(crowd)).every(({ status }) => status === 200)).toBe(true);
    await until(() => ground.upstream.status().endpoints[0]?.inFlight === 0);
    expect((await ground.get()).status).toBe(200);
  });

  test('one that was waited for is no new one: the time to connect does not count again', async () => {
    const warnings: string[] = [];
    const hear = (warning: Error): void => void warnings.push(warning.name);
    process.on('warning', hear);
    const endpoint = await moody();
    endpoint.mood = (_req, res) => void setTimeout(() => res.end('answer'), endpoint.asked.length < 3 ? 800 : 1);
    const ground = await upstreamGround([endpoint], { plan: { maxOpen: 1, connectTimeoutMs: 400 } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => ground.get()));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    process.off('warning', hear);
    expect([endpoint.connections, warnings]).toEqual([1, []]);
  });

  test('status shows the requests in flight, and no secret', async () => {
    const endpoint = await moody('hang');
    const ground = await upstreamGround([endpoint], { plan: { balancer: 'least_conn' } });
    const client = connect(ground.port, '127.0.0.1', () => client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    await until(() => endpoint.asked.length === 1);
    expect(ground.upstream.status()).toEqual({
      name: 'backend',
      balancer: 'least_conn',
      endpoints: [{ url: endpoint.url, weight: 1, up: true, inFlight: 1 }],
    });
    client.destroy();
    await until(() => ground.upstream.status().endpoints[0]?.inFlight === 0);
  });
});

describe('time', () => {
  test('read: an answer that stops is cut, whatever the route allows', async () => {
    const upstream = await recordingUpstream((_received, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    });
    const ground = await upstreamGround([upstream], { plan: { readTimeoutMs: 200 } });
    await expect(ground.get()).rejects.toThrow();
    await upstream.close();
  });

  test('write: an upstream that takes nothing of a body is 504', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.pause().on('error', () => undefined)));
    const port = await listening(server);
    const ground = await upstreamGround([{ url: `http://127.0.0.1:${port}` }], { plan: { writeTimeoutMs: 300 } });
    const status = await new Promise<number | undefined>((resolve) => {
      const client = httpRequest({ port: ground.port, method: 'POST' }, ({ statusCode }) => {
        resolve(statusCode);
        client.destroy();
      });
      client.on('error', () => resolve(undefined));
      client.write(Buffer.alloc(30_000_000));
    });
    expect(status).toBe(504);
    await closed(server, sockets);
  });

  test.each(['GET', 'POST'])('idle: an event stream (%s) may be silent for so long', async (method) => {
    const endpoint = await moody();
    endpoint.mood = (_req, res) => res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
    const init = { method, ...(method === 'POST' && { body: 'x' }) };
    const ground = await upstreamGround([endpoint], { plan: { silenceTimeoutMs: 300 } });
    await expect(ground.get('/', init)).rejects.toThrow();
    await until(() => endpoint.open === 0);
  });

  test('idle: an upgraded socket may be silent for so long', async () => {
    const { attentiveUpstream, echo } = await import('../../support/attack-ground.js');
    const upstream = await attentiveUpstream(echo);
    const ground = await upstreamGround([upstream], { plan: { silenceTimeoutMs: 300 } });
    const head = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13';
    const key = Buffer.alloc(16).toString('base64');
    const client = connect(ground.port, '127.0.0.1', () =>
      client.write(`GET /ws HTTP/1.1\r\nHost: a\r\n${head}\r\nSec-WebSocket-Key: ${key}\r\n\r\n`),
    );
    let text = '';
    client.on('data', (chunk) => (text += chunk.toString('latin1')));
    await until(() => text.includes('101 Switching'));
    expect(ground.upstream.status().endpoints[0]?.inFlight).toBe(1);
    await until(() => client.destroyed);
    await until(() => ground.upstream.status().endpoints[0]?.inFlight === 0);
    await upstream.close();
  });
});

describe('TLS', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => certificates.remove());

  const read = (file: string): string => readFileSync(file, 'utf8');
  const CHECK = { path: '/health', intervalMs: 50, timeoutMs: 5_000, healthyThreshold: 1, unhealthyThreshold: 1 };

  /** Answers to a request, and what the health check found of the same endpoint. */
  async function through(tls: object, server: object = {}): Promise<readonly [status: number, healthy: boolean]> {
    const { cert, key } = certificates.server;
    const endpoint = await moody(200, { cert: read(cert), key: read(key), ...server });
    const plan = { tls: { insecureSkipVerify: false, ...tls } };
    const asked = await (await upstreamGround([endpoint], { plan })).get();
    const healthCheck = { ...CHECK, expectedStatus: [200] };
    const ground = await upstreamGround([endpoint], { plan: { ...plan, healthCheck } });
    await until(() => ground.counted('loom_upstream_health_checks_total').length > 0);
    return [asked.status, ground.upstream.status().endpoints[0]?.healthy === true];
  }

  test('requests and health checks verify the upstream alike', async () => {
    const { ca, caKey, otherCa, expired, office } = certificates;
    const extensions = ['extendedKeyUsage=serverAuth', 'subjectAltName=DNS:elsewhere.example'];
    const issuer = { cert: ca, key: caKey };
    const elsewhere = await office.issue('elsewhere', { subject: '/CN=elsewhere.example', extensions, issuer });
    const paired = ({ cert, key }: { cert: string; key: string }) => ({ cert: read(cert), key: read(key) });
    expect(await through({ ca: read(ca) })).toEqual([200, true]);
    expect(await through({ ca: read(otherCa) })).toEqual([502, false]);
    expect(await through({})).toEqual([502, false]);
    expect(await through({ ca: read(ca) }, paired(expired))).toEqual([502, false]);
    expect(await through({ ca: read(ca) }, paired(elsewhere))).toEqual([502, false]);
  });

  test('both show the client certificate that the upstream asks for, and fail without one', async () => {
    const { ca, client } = certificates;
    const asking = { ca: read(ca), requestCert: true, rejectUnauthorized: true };
    const own = { cert: read(client.cert), key: read(client.key) };
    expect(await through({ ca: read(ca), ...own }, asking)).toEqual([200, true]);
    expect(await through({ ca: read(ca) }, asking)).toEqual([502, false]);
  });
});
