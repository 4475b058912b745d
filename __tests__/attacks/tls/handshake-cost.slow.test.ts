/** Handshakes that never end, never pause, or are too large: the gateway ends them, and other clients do not wait. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { readFileSync } from 'node:fs';
import { closeGrounds } from '../../support/attack-ground.js';
import { clientHello, records } from '../../support/client-hello.js';
import { altName, commonName, derCertificate, extension } from '../../support/der-certificates.js';
import { openTlsGround, type TlsGround } from '../../support/tls-ground.js';

let tls: TlsGround;
beforeAll(async () => (tls = await openTlsGround()));
afterAll(async () => {
  await closeGrounds();
  await tls.made.remove();
});

interface Held {
  readonly socket: Socket;
  readonly closed: Promise<void>;
}

/** Connections that begin with these bytes and send `more` every half second. */
function hold(count: number, begin: Buffer, more?: Buffer): readonly Held[] {
  return Array.from({ length: count }, () => {
    const socket = connect(tls.asking, '127.0.0.1', () => socket.write(begin));
    let at = 0;
    const drip = more && setInterval(() => socket.writable && socket.write(more.subarray(at, ++at)), 500);
    socket.on('error', () => undefined);
    socket.resume();
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    void closed.then(() => clearInterval(drip));
    return { socket, closed };
  });
}

const honest = (): Promise<number | 'refused'> => tls.status(tls.asking, '/service/x', tls.made.client);

describe('TLS-18 what a handshake may cost', () => {
  test('one byte now and then, half a hello, silence: others are served at once, and all of them end', async () => {
    const hello = records(clientHello({ names: ['localhost'] }));
    const all = [
      // Without a byte of the client there is nothing to wait for either.
      ...hold(300, Buffer.alloc(0)),
      ...hold(50, hello.subarray(0, 1), hello.subarray(1)),
      ...hold(50, hello.subarray(0, 60)),
      ...hold(50, hello),
      ...hold(20, records(clientHello(), 1).subarray(0, 600), Buffer.alloc(60, 0x16)),
    ];
    for (let times = 0; times < 5; times++) expect(await honest()).toBe(200);
    expect(all.filter(({ socket }) => socket.destroyed).length).toBeLessThan(all.length);
    await Promise.all(all.map(({ closed }) => closed));
    expect(await honest()).toBe(200);
    tls.ground.arrived();
  });

  test('renegotiation ends the connection, before and after a request', async () => {
    for (const after of [false, true]) {
      const ca = readFileSync(tls.made.ca);
      const options = {
        port: tls.asking,
        host: '127.0.0.1',
        servername: 'localhost',
        ca,
        maxVersion: 'TLSv1.2',
      } as const;
      const socket: TLSSocket = connectTls(options);
      await new Promise<void>((resolve) => socket.on('secureConnect', () => resolve()));
      if (after) {
        socket.write('GET /open/x HTTP/1.1\r\nHost: gw\r\n\r\n');
        await new Promise((resolve) => socket.once('data', resolve));
      }
      const error = await new Promise<unknown>((resolve) => {
        socket.on('error', resolve);
        socket.on('close', () => resolve('closed'));
        socket.renegotiate({}, resolve);
      });
      expect(error).not.toBeNull();
      socket.destroy();
    }
    expect(await honest()).toBe(200);
    tls.ground.arrived();
  });

  test.each([40_000, 250_000, 1_000_000])(
    'a certificate of %i bytes is read or refused, and delays no other client',
    async (bytes) => {
      const issuer = { cert: tls.made.ca, key: tls.made.caKey };
      const filler = extension('1.3.6.1.4.1.99999.9', Buffer.alloc(bytes, 0x61));
      const sans = [altName('DNS', 'svc-big')];
      const heavy = derCertificate({ issuer, sans, extensions: [filler] });
      const named = derCertificate({ issuer, sans, subject: commonName('x'.repeat(bytes)) });
      const listed = derCertificate({
        issuer,
        sans: Array.from({ length: bytes / 20 }, (_each, at) => altName('DNS', `svc-${at}.example.com`)),
      });
      for (const pair of [heavy, named, listed]) {
        const status = await tls.status(tls.asking, '/service/x', pair);
        // OpenSSL accepts up to 100 KB of certificates. A certificate that it accepts is a valid, large certificate of
        // our authority.
        expect(bytes < 60_000 ? [200, 401, 'refused'] : [200, 'refused']).toContain(status);
        if (bytes > 200_000) expect(status).toBe('refused');
      }
      expect(await honest()).toBe(200);
      tls.ground.arrived();
    },
  );

  test('an end in the middle, a reset, and garbage: two hundred of each, and the gateway stays alive', async () => {
    const hello = records(clientHello({ names: ['localhost'] }));
    const garbage = Buffer.from('16030100ff'.repeat(20), 'hex');
    for (const bytes of [hello, hello.subarray(0, 20), garbage, Buffer.from('GET / HTTP/1.1\r\nHost: gw\r\n\r\n')]) {
      const ended = Array.from({ length: 200 }, (_each, at) => {
        const socket = connect(tls.asking, '127.0.0.1', () => {
          socket.write(bytes, () => (at % 2 === 0 ? socket.resetAndDestroy() : socket.destroy()));
        });
        socket.on('error', () => undefined);
        return new Promise((resolve) => socket.on('close', resolve));
      });
      await Promise.all(ended);
    }
    expect(await honest()).toBe(200);
    tls.ground.arrived();
  });

  test('twin: a slow but honest handshake is waited for', async () => {
    const ca = readFileSync(tls.made.ca);
    const inner = connect(tls.asking, '127.0.0.1');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const socket = connectTls({ socket: inner, servername: 'localhost', ca });
    await new Promise<void>((resolve, reject) => {
      socket.on('secureConnect', () => resolve());
      socket.on('error', reject);
    });
    socket.destroy();
    expect(await honest()).toBe(200);
    tls.ground.arrived();
  });
});
