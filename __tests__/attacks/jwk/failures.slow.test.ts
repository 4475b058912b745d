/** Key sets that cannot be loaded: down, slow, cut off, endless, behind a redirect or an untrusted certificate. */
import type { Socket } from 'node:net';
import { certificatesOf, type TlsPlaces } from '../../support/tls-places.js';
import { gateOf, jwkOf, K1, K2, setOf, socketServer, tlsServer, tokenOf, type Place } from '../../support/key-sets.js';
import { closeOpened } from '../../support/page-gate.js';
import { freePorts } from '../../support/ports.js';
import { waitFor } from '../../support/token-ground.js';
import { askedServer, json, raw, type Answer, type AskedServer } from '../../tokens/introspection-server.js';

const ISS = 'https://id.example';
const SET = setOf(jwkOf(K1, 'k1'));
const good: Answer = raw(200, SET, { 'content-type': 'application/json' });
/** Valid for as long as any clock here runs. */
const LATE = { exp: 4_000_000_000 };
const token = (kid = 'k1', key = K1): string => tokenOf(ISS, key, kid, LATE);
const block = (url: string, more = ''): string => `{ issuer: "${ISS}", jwks_url: "${url}", ${more} }`;

const places: { close(): Promise<void> }[] = [];
const opened = <T extends { close(): Promise<void> }>(place: T): T => (places.push(place), place);
const server = async (answer: Answer): Promise<AskedServer> => opened(await askedServer(answer));
const sockets = async (act: (socket: Socket) => void): Promise<Place> => opened(await socketServer(act));

let tls: TlsPlaces;
beforeAll(async () => (tls = await certificatesOf()));
afterEach(async () => {
  await closeOpened();
  for (const place of places.splice(0)) await place.close();
});
afterAll(() => tls.remove());

/** The faults of a server, each as a URL. */
const FAILURES: Readonly<Record<string, () => Promise<string>>> = {
  'no server listens': async () => `http://127.0.0.1:${(await freePorts(1))[0]}/jwks`,
  'a name that DNS does not know': () => Promise.resolve(`https://${'x'.repeat(64)}.example/jwks`),
  'the connection is reset at once': async () =>
    `${(await sockets((socket) => void socket.resetAndDestroy())).origin}/jwks`,
  'the connection is closed at once': async () => `${(await sockets((socket) => void socket.end())).origin}/jwks`,
  'the connection is reset within the head': async () =>
    `${(await sockets((socket) => void socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-', () => socket.resetAndDestroy())))).origin}/jwks`,
  'the connection is closed within the body': async () =>
    `${(await sockets((socket) => void socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${SET.length + 1}\r\n\r\n${SET}`)))).origin}/jwks`,
  'not HTTP': async () => `${(await sockets((socket) => void socket.end('SSH-2.0-OpenSSH_9.6\r\n'))).origin}/jwks`,
  'TLS on a plain port': async () => `${(await sockets(() => undefined)).origin.replace('http:', 'https:')}/jwks`,
  'nothing, for ever': async () => `${(await sockets(() => undefined)).origin}/jwks`,
  'a byte a second': async () =>
    `${
      (
        await sockets((socket) => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          const timer = setInterval(() => socket.write(' '), 200);
          socket.on('close', () => clearInterval(timer));
        })
      ).origin
    }/jwks`,
  'status 500': async () => `${(await server(raw(500, SET))).origin}/jwks`,
  'status 404': async () => `${(await server(raw(404, SET))).origin}/jwks`,
  'status 401': async () => `${(await server(raw(401, SET))).origin}/jwks`,
  'status 204': async () => `${(await server(raw(204, ''))).origin}/jwks`,
  'status 206': async () => `${(await server(raw(206, SET))).origin}/jwks`,
  'a self-signed certificate': async () => `${opened(await tlsServer(tls.selfSigned, good)).origin}/jwks`,
  'a certificate of another authority': async () => `${opened(await tlsServer(tls.untrusted, good)).origin}/jwks`,
  'a certificate of another name': async () => `${opened(await tlsServer(tls.otherName, good)).origin}/jwks`,
  'an expired certificate': async () => `${opened(await tlsServer(tls.expired, good)).origin}/jwks`,
};

describe('JWK-03 a key set that does not load', () => {
  test('cold: 503 and Retry-After, within the wait; never 401, never 200', async () => {
    // All at once, so that those that hang do so together.
    const found = await Promise.all(
      Object.entries(FAILURES).map(async ([what, start]) => {
        const gate = await gateOf(block(await start()));
        const answer = await gate.ask('/', { headers: { Authorization: `Bearer ${token()}` } });
        return [what, answer.status, answer.headers['retry-after'] !== undefined] as const;
      }),
    );
    expect(found).toEqual(Object.keys(FAILURES).map((what) => [what, 503, true]));
  });

  test('warm: the loaded keys are used for an hour beyond their age, and then no longer', async () => {
    for (const failure of [
      raw(500, 'down'),
      raw(200, '{'),
      (_asked: unknown, response: Parameters<Answer>[1]) => void response.destroy(),
    ] as Answer[]) {
      const issuer = await server(good);
      const gate = await gateOf(block(`${issuer.origin}/jwks`));
      expect(await gate.status(token())).toBe(200);
      issuer.answer = failure;
      gate.pass(11 * 60_000);
      expect([await gate.status(token()), await gate.status(tokenOf(ISS, K1, 'k1', { ...LATE, jti: 'new' }))]).toEqual([
        200, 200,
      ]);
      // A token that no loaded key signed may be valid: this is unknown.
      expect(await gate.status(tokenOf(ISS, K2, 'k2', LATE))).toBe(503);
      gate.pass(58 * 60_000);
      const late = tokenOf(ISS, K1, 'k1', LATE);
      expect(await gate.status(late)).toBe(200);
      gate.pass(2 * 60_000);
      expect([await gate.status(late), await gate.status(late)]).toEqual([503, 503]);
      expect(gate.log.some(({ words }) => words === 'key set not loaded')).toBe(true);
    }
  });

  test('twin: a server that answers slowly, in pieces, or over TLS with a trusted certificate is enough', async () => {
    const pieces = await sockets((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SET.length}\r\n\r\n`);
        [...SET.match(/.{1,200}/gs)!].forEach((piece, index) => setTimeout(() => socket.write(piece), 50 * index));
      });
    });
    const gate = await gateOf(block(`${pieces.origin}/jwks`));
    expect(await gate.status(token())).toBe(200);
    expect(await tls.trusting(good, (origin) => block(`${origin}/jwks`), token())).toBe(200);
  });

  test('a server that recovers is asked by a timer, not by requests', async () => {
    const issuer = await server(raw(500, 'down'));
    const gate = await gateOf(block(`${issuer.origin}/jwks`));
    const before = issuer.asked.length;
    const statuses = await Promise.all(Array.from({ length: 50 }, () => gate.status(token())));
    expect(new Set(statuses)).toEqual(new Set([503]));
    expect(issuer.asked.length - before).toBeLessThanOrEqual(2);
    issuer.answer = good;
    for (let status = 0; status !== 200; status = await gate.status(token()))
      await new Promise((resolve) => setTimeout(resolve, 50));
  });
});

describe('JWK-02 a key set without end', () => {
  const endless = (socket: Socket): void => {
    const spaces = Buffer.alloc(65_536, ' ');
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n');
      const push = (): void => {
        while (socket.writable && socket.write(spaces));
      };
      socket.on('drain', push);
      push();
    });
  };

  test('is cut off at 512 KiB, and costs no memory', async () => {
    let received = 0;
    const place = await sockets((socket) => {
      endless(socket);
      socket.on('close', () => (received += socket.bytesWritten));
    });
    const before = process.memoryUsage().rss;
    const gate = await gateOf(block(`${place.origin}/jwks`));
    expect(await gate.status(token())).toBe(503);
    await waitFor(() => (received > 0 ? received : undefined));
    // Includes the buffers of two sockets.
    expect(received).toBeLessThan(16 * 1_048_576);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1_048_576);
  });

  test('does not remove the loaded keys', async () => {
    let flood = false;
    const place = await sockets((socket) => {
      if (flood) return endless(socket);
      socket.once('data', () =>
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${SET.length}\r\nConnection: close\r\n\r\n${SET}`),
      );
    });
    const gate = await gateOf(block(`${place.origin}/jwks`));
    expect(await gate.status(token())).toBe(200);
    flood = true;
    expect(await gate.status(tokenOf(ISS, K2, 'k2'))).toBe(503);
    expect(await gate.status(tokenOf(ISS, K1, 'k1', { ...LATE, jti: 'new' }))).toBe(200);
  });

  test('twin: 500 KiB of set and white space are read', async () => {
    const issuer = await server(raw(200, SET + ' '.repeat(500 * 1_024)));
    expect(await (await gateOf(block(`${issuer.origin}/jwks`))).status(token())).toBe(200);
  });
});

describe('JWK-04 a redirect', () => {
  test('is not followed, wherever it leads, with any status', async () => {
    const target = await server(good);
    const places = [
      `${target.origin}/jwks`,
      '/elsewhere',
      'http://169.254.169.254/latest/meta-data',
      '//127.0.0.1/',
      'file:///etc/passwd',
      'data:application/json,{}',
      '',
    ];
    for (const status of [300, 301, 302, 303, 305, 307, 308])
      for (const location of places) {
        const issuer = await server(raw(status, SET, { location }));
        const gate = await gateOf(block(`${issuer.origin}/jwks`));
        expect([status, location, await gate.status(token())]).toEqual([status, location, 503]);
        expect(issuer.asked.map(({ url }) => url)).toEqual(issuer.asked.map(() => '/jwks'));
      }
    const refresh = await server(
      raw(200, '', { refresh: `0; url=${target.origin}/jwks`, 'content-location': `${target.origin}/jwks` }),
    );
    expect(await (await gateOf(block(`${refresh.origin}/jwks`))).status(token())).toBe(503);
    expect(target.asked).toEqual([]);
  });

  test('warm, it does not replace the loaded keys', async () => {
    const target = await server(json({ keys: [jwkOf(K2, 'k2')] }));
    const issuer = await server(good);
    const gate = await gateOf(block(`${issuer.origin}/jwks`));
    issuer.answer = raw(302, '', { location: `${target.origin}/jwks` });
    expect(await gate.status(tokenOf(ISS, K2, 'k2'))).toBe(503);
    expect(await gate.status(token())).toBe(200);
    expect(target.asked).toEqual([]);
  });

  test('twin: the target itself is loaded', async () => {
    const target = await server(good);
    expect(await (await gateOf(block(`${target.origin}/jwks`))).status(token())).toBe(200);
  });
});
