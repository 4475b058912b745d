/**
 * Attacks on the connections to an upstream, with each engine: surplus bytes, half exchanges, second sends, shared pools.
 *
 * @needs openssl
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { EngineName } from '../../../src/config/upstream-types.js';
import { ask, statusOf } from '../../support/ask.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { Conversation } from '../../support/conversation.js';
import { readMessages } from '../../support/messages.js';
import { closed, listening, recordingUpstream, type Answer, type Recording } from '../../support/recording-upstream.js';
import {
  closeUpstreamGrounds,
  upstreamGround,
  type GroundParts,
  type UpstreamGround,
} from '../../support/upstream-ground.js';
import { until } from '../../support/until.js';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  await closeUpstreamGrounds();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const SURPLUS = 'HTTP/1.1 200 OK\r\nX-Of: attacker\r\nContent-Length: 6\r\n\r\nforged';

interface Scene extends UpstreamGround {
  readonly far: Recording;
  /** Whole requests that arrived, over all connections. */
  requests(): string[];
}

async function sceneOf(
  engine: EngineName,
  answer: Answer,
  { plan = {}, ...rest }: Partial<GroundParts> = {},
): Promise<Scene> {
  const far = await recordingUpstream(answer);
  cleanups.push(() => far.close());
  const ground = await upstreamGround([far], { plan: { engine, ...plan }, ...rest });
  const requests = (): string[] =>
    far.received.flatMap((bytes) => readMessages(bytes).messages.map(({ method, target }) => `${method} ${target}`));
  return { ...ground, far, requests };
}

const isWhole = (chunk: Buffer): boolean => chunk.includes('\r\n\r\n');

describe.each<EngineName>(['http-proxy-middleware', 'undici'])('G-35 %s', (engine) => {
  test.each(['HEAD', 'GET'])('a second response after that of %s reaches no other client', async (method) => {
    let first = true;
    const scene = await sceneOf(engine, (_received, _socket, chunk) => {
      if (!isWhole(chunk)) return undefined;
      const answer = first ? OK + SURPLUS : OK;
      first = false;
      return answer;
    });
    expect((await scene.get('/attack', { method })).status).toBe(200);
    for (let n = 0; n < 3; n++) expect(await scene.get('/')).toMatchObject({ status: 200, body: 'ok' });
  });

  test('a second response is not that of a request that waits for the connection', async () => {
    const held: (() => void)[] = [];
    const scene = await sceneOf(
      engine,
      (_received, socket, chunk) => {
        if (isWhole(chunk)) held.push(() => socket.write(held.length === 1 ? OK + SURPLUS : OK));
        return undefined;
      },
      { plan: { maxOpen: 1 } },
    );
    const [attack, waiting] = [scene.get('/attack'), scene.get('/waiting')];
    await until(() => scene.upstream.status().endpoints[0]?.inFlight === 2 && held.length === 1);
    held[0]?.();
    expect(await attack).toMatchObject({ status: 200, body: 'ok' });
    await until(() => held.length === 2);
    held[1]?.();
    expect(await waiting).toMatchObject({ status: 200, body: 'ok' });
  });

  test.each([204, 304])('the body of a %d answer is no answer to another client', async (status) => {
    let first = true;
    const scene = await sceneOf(engine, (_received, _socket, chunk) => {
      if (!isWhole(chunk)) return undefined;
      const answer = first ? `HTTP/1.1 ${status} X\r\nContent-Length: ${SURPLUS.length}\r\n\r\n${SURPLUS}` : OK;
      first = false;
      return answer;
    });
    expect((await scene.get('/attack')).status).toBe(status);
    for (let n = 0; n < 3; n++) expect(await scene.get('/')).toMatchObject({ status: 200, body: 'ok' });
  });

  test.each([
    ['Content-Length: 100', 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['Transfer-Encoding: chunked', '28\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'],
  ])('a body that never ends (%s) leaves its connection to no other request', async (framing, half) => {
    const scene = await sceneOf(engine, (received) => (received.startsWith('GET') ? OK : undefined));
    const client = new Conversation(scene.port);
    client.send(`POST /attack HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${half}`);
    await until(() => scene.far.received[0]?.includes('smuggled') === true);
    client.socket.resetAndDestroy();
    await until(() => scene.far.sockets[0]?.destroyed === true);
    for (let n = 0; n < 3; n++) expect(await scene.get('/next')).toMatchObject({ status: 200, body: 'ok' });
    expect(scene.far.received[0]).not.toMatch(/\/next|\r\n0\r\n\r\n$/);
    expect(scene.requests()).toEqual(['GET /next', 'GET /next', 'GET /next']);
  });

  test('an answer before the end of the body ends the connection, and the rest is no request', async () => {
    const scene = await sceneOf(engine, (_received, _socket, chunk) => (isWhole(chunk) ? OK : undefined));
    const client = new Conversation(scene.port);
    client.send('POST /attack HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\nhalf');
    expect((await client.reply())?.status).toBe(200);
    await until(() => scene.far.sockets[0]?.destroyed === true);
    client.send(`${'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'.padEnd(56, 'x')}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect((await client.reply())?.status).toBe(200);
    expect(scene.requests()).toEqual(['GET /next']);
    client.socket.destroy();
  });

  test.each(['GET', 'DELETE', 'OPTIONS', 'HEAD'])('the body of %s is no second request', async (method) => {
    const scene = await sceneOf(engine, (_received, _socket, chunk) => (isWhole(chunk) ? OK : undefined));
    const body = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
    for (const framed of [
      `Content-Length: ${body.length}\r\n\r\n${body}`,
      `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ]) {
      const client = new Conversation(scene.port);
      client.send(`${method} /attack HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${framed}`);
      await client.rest();
    }
    expect(scene.requests()).toEqual([`${method} /attack`, `${method} /attack`]);
  });

  /** Answers the first request of each connection, and closes the connection at the second one. */
  const once: Answer = (received, socket, chunk) => {
    if (!isWhole(chunk)) return undefined;
    if (received.split('\r\n\r\n').length === 2) return OK;
    socket.destroy();
    return undefined;
  };

  test.each([
    ['POST', {}, 502, 1],
    ['PUT', {}, 502, 1],
    ['DELETE', {}, 502, 1],
    ['GET', { retry: { maxRetries: 0, backoffBaseMs: 1, backoffMaxMs: 1, codes: [502] } }, 502, 1],
    ['GET', {}, 200, 2],
  ] as const)(
    '%s on a kept connection that closes, with %j: %d after %d sends',
    async (method, plan, status, sends) => {
      const scene = await sceneOf(engine, once, { plan });
      expect((await scene.get('/first')).status).toBe(200);
      expect((await scene.get('/second', { method })).status).toBe(status);
      expect(scene.requests().filter((each) => each.endsWith('/second'))).toHaveLength(sends);
    },
  );

  test('a redirect is the client’s: the gateway does not follow it', async () => {
    const moved = 'HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n';
    const scene = await sceneOf(engine, (_received, _socket, chunk) => (isWhole(chunk) ? moved : undefined));
    const answer = await scene.get('/', { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/elsewhere']);
    expect(scene.requests()).toEqual(['GET /']);
  });

  test('a compressed answer stays as it is', async () => {
    const packed = 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8bxx';
    const scene = await sceneOf(engine, (_received, _socket, chunk) => (isWhole(chunk) ? packed : undefined));
    const client = new Conversation(scene.port).send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect((await client.rest())[0]?.status).toBe(200);
    expect(scene.far.received[0]).not.toMatch(/accept-encoding/i);
  });

  test('requests to one connection wait for each other: none is pipelined', async () => {
    const held: (() => void)[] = [];
    const scene = await sceneOf(
      engine,
      (_received, socket, chunk) => {
        if (isWhole(chunk)) held.push(() => socket.write(OK));
        return undefined;
      },
      { plan: { maxOpen: 1 } },
    );
    const crowd = [1, 2, 3].map((n) => scene.get(`/${n}`));
    for (let n = 1; n <= 3; n++) {
      await until(() => held.length === n);
      expect(scene.requests()).toHaveLength(n);
      held[n - 1]?.();
      await crowd[n - 1];
    }
    expect(scene.far.received).toHaveLength(1);
  });

  describe('over TLS', () => {
    let certificates: Certificates;
    beforeAll(async () => {
      certificates = await makeCertificates();
    });
    afterAll(() => certificates.remove());

    /** A server of HTTP/1.1 that also offers `h2`. Records the name, the protocol and the client of each connection. */
    async function secure(): Promise<{ url: string; seen: string[] }> {
      const read = (file: string): string => readFileSync(file, 'utf8');
      const { server: pair, ca } = certificates;
      const options = { cert: read(pair.cert), key: read(pair.key), ca: read(ca), requestCert: true };
      const sockets: TLSSocket[] = [];
      const seen: string[] = [];
      const server = createServer(
        { ...options, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] },
        (_req, res) => res.end('far'),
      );
      server.on('secureConnection', (socket) => {
        sockets.push(socket);
        const { subject } = socket.getPeerCertificate() as { subject?: { CN?: string } };
        seen.push(
          [socket.alpnProtocol, (socket as { servername?: unknown }).servername, subject?.CN].map(String).join(' '),
        );
      });
      const port = await listening(server);
      cleanups.push(() => closed(server, sockets));
      return { url: `https://127.0.0.1:${port}`, seen };
    }

    const tlsOf = (own: object = {}) => ({
      ca: readFileSync(certificates.ca, 'utf8'),
      insecureSkipVerify: false,
      ...own,
    });

    test('HTTP/2 is not spoken, and the client’s Host chooses neither the server name nor the connection', async () => {
      const far = await secure();
      const ground = await upstreamGround([far], { plan: { engine, tls: tlsOf() } });
      for (const host of ['a.example', 'b.example', 'localhost'])
        expect((await ask({ port: ground.port, headers: { Host: host } })).status).toBe(200);
      expect(far.seen).toEqual([expect.stringMatching(/^(?:http\/1\.1|false) false undefined$/)]);
    });

    test('upstreams with one address and other client certificates share no connection', async () => {
      const far = await secure();
      const { cert, key } = certificates.client;
      const own = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
      const named = await upstreamGround([far], { plan: { engine, tls: tlsOf(own) } });
      const nameless = await upstreamGround([far], { plan: { engine, tls: tlsOf() } });
      const untrusting = await upstreamGround([far], {
        plan: { engine, tls: tlsOf({ ca: readFileSync(certificates.otherCa, 'utf8') }) },
      });
      expect([(await named.get()).status, (await nameless.get()).status, (await untrusting.get()).status]).toEqual([
        200, 200, 502,
      ]);
      expect((await named.get()).status).toBe(200);
      expect(far.seen.map((each) => each.split(' ')[2] !== 'undefined')).toEqual([true, false]);
    });
  });

  test('twin: sound exchanges share one connection', async () => {
    const scene = await sceneOf(engine, (_received, _socket, chunk) => (isWhole(chunk) ? OK : undefined));
    for (const method of ['GET', 'POST', 'PUT', 'OPTIONS', 'GET'])
      expect((await scene.get('/', { method })).status).toBe(200);
    expect(scene.far.received).toHaveLength(1);
    expect(statusOf(OK)).toBe(200);
  });
});
