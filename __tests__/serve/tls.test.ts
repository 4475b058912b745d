/** TLS listeners: versions, protocols, client certificates in four modes, and files that cannot be used. */
import { request } from 'node:https';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { connect } from 'node:net';
import { contextOf } from '../../src/context/request-context.js';
import type { PlannedTls } from '../../src/config/plan-types.js';
import { createUpstream } from '../../src/proxy/upstream.js';
import { TlsFileError } from '../../src/serve/gatekeeper.js';
import { listen, type Running } from '../../src/serve/listeners.js';
import { makeTlsFiles, type TlsFiles } from './tls-files.js';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const started: Running[] = [];
let files: TlsFiles;
beforeAll(() => {
  files = makeTlsFiles();
});
afterAll(() => files.remove());
afterEach(async () => {
  for (const running of started.splice(0)) await running.stop(0);
});

const plan = (tls: Partial<PlannedTls> = {}) => ({
  name: 'tls',
  host: '127.0.0.1',
  port: 0,
  protocol: 'https' as const,
  readTimeoutMs: 5_000,
  writeTimeoutMs: 5_000,
  idleTimeoutMs: 5_000,
  maxHeaderBytes: 16_384,
  tls: {
    certFile: files.path('server.crt'),
    keyFile: files.path('server.key'),
    minVersion: 'TLSv1.2' as const,
    clientAuth: 'none' as const,
    clientCertHeaders: [],
    ...tls,
  },
});

async function start(tls: Partial<PlannedTls> = {}): Promise<number> {
  const running = await listen(
    [plan(tls)],
    {
      request: (req, res) => {
        const socket = req.socket as TLSSocket;
        const { subject } = socket.getPeerCertificate();
        res.end(
          JSON.stringify({
            authorized: socket.authorized,
            name: subject?.CN ?? null,
            resumed: socket.isSessionReused(),
          }),
        );
      },
      upgrade: (_req, socket) => void socket.end('HTTP/1.1 426 No\r\n\r\n'),
    },
    { log: quiet },
  );
  started.push(running);
  return running.listening[0]?.port as number;
}

const identity = (name: string): ConnectionOptions => ({
  cert: files.read(`${name}.crt`),
  key: files.read(`${name}.key`),
});

function ask(port: number, options: ConnectionOptions = {}): Promise<{ authorized: boolean; name: string | null }> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', ca: files.read('ca.crt'), agent: false, ...options }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => (text += chunk));
      answer.on('end', () => resolve(JSON.parse(text) as { authorized: boolean; name: string | null }));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

function shake(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', ca: files.read('ca.crt'), ...options }, () => resolve(socket));
    socket.on('error', reject);
  });
}

describe('the handshake', () => {
  test('TLS 1.2 and 1.3 pass, 1.1 does not; a minimum of 1.3 refuses 1.2', async () => {
    const port = await start();
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
      await ask(port, { minVersion: version, maxVersion: version });
    await expect(
      ask(port, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow();
    const strict = await start({ minVersion: 'TLSv1.3' });
    await ask(strict);
    await expect(ask(strict, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
  });

  test('speaks http/1.1 and refuses a client that speaks only h2', async () => {
    const port = await start();
    const socket = await shake(port, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
    await expect(shake(port, { ALPNProtocols: ['h2'] })).rejects.toThrow();
  });

  test('plain HTTP and garbage on the port are closed, and the listener lives', async () => {
    const port = await start();
    for (const bytes of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', '\x16\x03\x01\xff\xff', 'x'.repeat(9_000)]) {
      const socket = connect(port, '127.0.0.1', () => socket.end(bytes, 'latin1'));
      socket.on('error', () => undefined);
      socket.resume();
      await new Promise((resolve) => socket.on('close', resolve));
    }
    expect(await ask(port)).toMatchObject({ name: null });
  });

  test('renegotiation is refused', async () => {
    const socket = await shake(await start(), { maxVersion: 'TLSv1.2' });
    const outcome = await new Promise<Error | null>((resolve) => {
      socket.removeAllListeners('error');
      socket.on('error', resolve);
      socket.renegotiate({}, (error) => resolve(error));
    });
    expect(outcome).toHaveProperty('message');
    socket.destroy();
  });
});

describe('client_auth', () => {
  const caFile = () => files.path('ca.crt');

  test('request: a certificate of the CA is authorized, another or none is not, and all may speak', async () => {
    const port = await start({ clientAuth: 'request', caFile: caFile() });
    expect(await ask(port, identity('client'))).toMatchObject({ authorized: true, name: 'client' });
    expect(await ask(port, identity('stranger'))).toMatchObject({ authorized: false });
    expect(await ask(port)).toMatchObject({ authorized: false, name: null });
  });

  test.each(['require', 'verify'] as const)(
    '%s: the handshake fails without a certificate of the CA',
    async (clientAuth) => {
      const port = await start({ clientAuth, caFile: caFile() });
      expect(await ask(port, identity('client'))).toMatchObject({ authorized: true, name: 'client' });
      await expect(ask(port, identity('stranger'))).rejects.toThrow();
      await expect(ask(port)).rejects.toThrow();
    },
  );

  test('a revoked certificate is not authorized', async () => {
    const port = await start({ clientAuth: 'require', caFile: caFile(), crlFile: files.path('crl.pem') });
    expect(await ask(port, identity('client'))).toMatchObject({ authorized: true });
    await expect(ask(port, identity('revoked'))).rejects.toThrow();
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'no session is resumed where certificates count (%s)',
    async (maxVersion) => {
      const session = async (port: number): Promise<Buffer> => {
        const socket = await shake(port, { maxVersion });
        const ticket = new Promise<Buffer>((resolve) => socket.on('session', resolve));
        socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        const got = await Promise.race([
          ticket,
          new Promise<Buffer>((resolve) => setTimeout(() => resolve(socket.getSession() ?? Buffer.alloc(0)), 500)),
        ]);
        socket.destroy();
        return got;
      };
      const asking = await start({ clientAuth: 'request', caFile: caFile() });
      const open = await start();
      const reused = async (port: number, from: Buffer): Promise<boolean> => {
        const socket = await shake(port, { maxVersion, session: from });
        const was = socket.isSessionReused();
        socket.destroy();
        return was;
      };
      expect(await reused(asking, await session(asking))).toBe(false);
      expect(await reused(asking, await session(open))).toBe(false);
      expect(await reused(open, await session(open))).toBe(true);
    },
  );
});

describe('files that cannot be used stop the start', () => {
  const opening = (tls: Partial<PlannedTls>) =>
    listen([plan(tls)], { request: () => undefined, upgrade: () => undefined }, { log: quiet });
  const asking = { clientAuth: 'request' as const };
  const cases: [string, () => Partial<PlannedTls>][] = [
    ['no certificate', () => ({ certFile: files.path('absent.crt') })],
    ['a key of another certificate', () => ({ keyFile: files.path('client.key') })],
    ['no ca_file', () => asking],
    ['a missing CA', () => ({ ...asking, caFile: files.path('absent.crt') })],
    ['an empty CA', () => ({ ...asking, caFile: files.write('empty.crt', '') })],
    ['a key as CA', () => ({ ...asking, caFile: files.path('ca.key') })],
    ['a folder as CA', () => ({ ...asking, caFile: files.path('.') })],
    ['a certificate that is no CA', () => ({ ...asking, caFile: files.path('client.crt') })],
    [
      'a broken CA',
      () => ({
        ...asking,
        caFile: files.write('broken.crt', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'),
      }),
    ],
    ['a missing CRL', () => ({ ...asking, caFile: files.path('ca.crt'), crlFile: files.path('absent.pem') })],
    ['a certificate as CRL', () => ({ ...asking, caFile: files.path('ca.crt'), crlFile: files.path('ca.crt') })],
  ];
  test.each(cases)('%s', async (_what, tls) => {
    await expect(opening(tls())).rejects.toThrow(TlsFileError);
  });
});

describe('an upstream on https', () => {
  const deps = { log: quiet, now: Date.now };
  async function through(tls: object | undefined, url: string): Promise<number> {
    const failures: string[] = [];
    const upstream = createUpstream(
      {
        name: 'secure',
        endpoints: [{ url, weight: 1 }],
        balancer: 'round_robin' as const,
        connectTimeoutMs: 2_000,
        readTimeoutMs: 5_000,
        maxIdle: 1,
        maxOpen: 9,
        idleTimeoutMs: 9_000,
        ...(tls && { tls: { insecureSkipVerify: false, ...tls } }),
      },
      {
        ...deps,
        onFailure: (_context, res, { status, code }) => {
          failures.push(code);
          res.writeHead(status).end();
        },
      },
    );
    const front = await listen(
      [{ ...plan(), protocol: 'http' as const }],
      {
        request: (req, res) =>
          upstream.forward(contextOf(req), res, { url: '/', timeoutMs: 5_000, preserveHost: true }),
        upgrade: () => undefined,
      },
      { log: quiet },
    );
    started.push(front);
    const { status } = await fetch(`http://127.0.0.1:${front.listening[0]?.port}/`);
    upstream.close();
    return status;
  }

  test('is verified against its own name, not the client’s Host, unless the file says otherwise', async () => {
    const port = await start();
    expect(await through({ ca: files.read('ca.crt') }, `https://localhost:${port}`)).toBe(200);
    expect(await through({ ca: files.read('ca.crt') }, `https://127.0.0.1:${port}`)).toBe(200);
    expect(await through(undefined, `https://localhost:${port}`)).toBe(502);
    expect(await through({ ca: files.read('ca.crt') }, `https://localhost.localdomain:${port}`)).not.toBe(200);
    expect(await through({ insecureSkipVerify: true }, `https://localhost:${port}`)).toBe(200);
  });

  test('sees our certificate where the file gives one', async () => {
    const port = await start({ clientAuth: 'require', caFile: files.path('ca.crt') });
    const mine = { cert: files.read('client.crt'), key: files.read('client.key'), ca: files.read('ca.crt') };
    expect(await through(mine, `https://localhost:${port}`)).toBe(200);
    expect(await through({ ca: mine.ca }, `https://localhost:${port}`)).toBe(502);
  });
});
