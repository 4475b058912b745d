/** Attacks on hosts: guards with misspelled options, rewritten URLs, foreign authorities, failing handlers. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import connectApp from 'connect';
import express from 'express';
import type { Protection } from '../../src/auth/protection.js';
import { loom, type Loom } from '../../src/loom.js';
import { ask, askBytes, statusOf } from '../support/ask.js';
import { makeCertificates, type Certificates } from '../support/certificates.js';
import { HOSTS, type Handler } from '../support/hosts.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

const AUTH = `
middleware:
  auth:
    api_key:
      keys:
        - { key: key-of-admin, name: admin, rate_limit: { rate: 0.001, burst: 4 } }
        - { key: key-of-guest, name: guest }
`;
const ADMIN = { 'x-api-key': 'key-of-admin' };
const GUEST = { 'x-api-key': 'key-of-guest' };

const gateOf = (rest: string): Loom => loom({ text: AUTH + rest, file: 'loom.yaml' }, { log: quietLog() });

/** Serves while the function runs. */
async function serving<T>(listener: Handler, act: (port: number) => Promise<T>): Promise<T> {
  const server = createServer(listener);
  const port = await listening(server);
  try {
    return await act(port);
  } finally {
    server.closeAllConnections();
    await closed(server);
  }
}

describe('protect()', () => {
  test('refuses an unknown option of a guard, because it would let every request pass', async () => {
    const gate = gateOf('');
    const spelt: Protection = { kind: 'method', name: 'api_key', narrow: { names: ['admin'] } };
    const guard = gate.protect(spelt);
    await serving(
      (req, res) => guard(req, res, () => res.end('in')),
      async (port) => {
        expect((await ask({ port, headers: ADMIN })).status).toBe(200);
        expect((await ask({ port, headers: GUEST })).status).toBe(403);
      },
    );
    expect(() => gate.protect({ ...spelt, narrow: { name: ['admin'] } })).toThrow();
    expect(() => gate.protect({ ...spelt, narrow: { names: 'admin' } })).toThrow();
    expect(() => gate.protect({ ...spelt, narrow: { names: ['admni'] } })).toThrow();
  });

  test('after the mount accepts no second token for one request', async () => {
    const gate = gateOf('routes: [{ path: /*, auth: { api_key: true } }]');
    const app = express();
    app.use(gate);
    app.get('/twice', gate.protect('api_key'));
    app.use((_req, res) => void res.end('in'));
    await serving(app, async (port) => {
      const statuses: number[] = [];
      for (let sent = 0; sent < 5; sent++) statuses.push((await ask({ port, path: '/twice', headers: ADMIN })).status);
      expect(statuses).toEqual([200, 200, 200, 200, 429]);
    });
  });

  test('passes no TRACE and no encoded slash to the handler', async () => {
    const guard = gateOf('').protect('api_key');
    await serving(
      (req, res) => guard(req, res, () => res.end('in')),
      async (port) => {
        const asked = (line: string): Promise<string> =>
          askBytes(port, `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: key-of-guest\r\n\r\n`);
        expect(statusOf(await asked('GET /a'))).toBe(200);
        expect(statusOf(await asked('TRACE /a'))).toBe(405);
        expect(statusOf(await asked('GET /a%2fb'))).toBe(400);
      },
    );
  });
});

describe('a path that is checked is the path that is served', () => {
  const rewritten = (app: ReturnType<typeof connectApp>, gate: Loom): void => {
    app.use((req, _res, next) => {
      req.url = (req.url ?? '').replace(/^\/v1/, '');
      next();
    });
    app.use(gate);
    app.use((_req, res) => void res.end('in'));
  };

  test.each(['Express 5', 'Connect'])('on %s, if the host removed a prefix before Loom', async (name) => {
    const gate = gateOf('routes: [{ path: /admin, auth: { api_key: true } }]');
    const app = (name === 'Connect' ? connectApp() : express()) as ReturnType<typeof connectApp>;
    rewritten(app, gate);
    await serving(app, async (port) => {
      expect((await ask({ port, path: '/admin', headers: GUEST })).status).toBe(200);
      expect((await ask({ port, path: '/v1/admin' })).status).not.toBe(200);
    });
  });

  test('a forged Host opens no route of the application', async () => {
    const open = (): Loom =>
      gateOf(`routes:
  - { path: /admin/*, auth: { api_key: true } }
  - { path: /*, host: "*.example", auth: none }`);
    // All hosts lead to one application. As with one upstream, the file is refused or the route is kept.
    let gate: Loom;
    try {
      gate = open();
    } catch {
      return;
    }
    await serving(
      (req, res) => gate(req, res, () => res.end('in')),
      async (port) => {
        expect((await ask({ port, path: '/admin/x', headers: { ...GUEST, host: 'app' } })).status).toBe(200);
        expect((await ask({ port, path: '/admin/x', headers: { host: 'evil.example' } })).status).not.toBe(200);
      },
    );
  });

  describe.each(HOSTS.filter(({ name }) => name !== 'node:http'))('mounted at /api of $name', ({ start }) => {
    const statusAt = async (path: string, headers = ''): Promise<number> => {
      const gate = gateOf('routes: [{ path: /api/admin, auth: { api_key: true } }]');
      const host = await start({ gate, mount: '/api', handler: (_req, res) => void res.end('in') });
      try {
        const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`;
        return statusOf(await askBytes(host.port, request));
      } finally {
        await host.close();
      }
    };

    test('no spelling of a guarded path passes the guard', async () => {
      expect(await statusAt('/api/admin', 'X-API-Key: key-of-guest\r\n')).toBe(200);
      for (const path of ['/api/admin', '/api/%61dmin', '/api/admin/', '/api/admin?/public'])
        expect([path, await statusAt(path)]).toEqual([path, 401]);
      for (const path of ['/API/admin', '/api/ADMIN', '/api/admin%20', '/api/%EF%BD%81dmin'])
        expect([path, await statusAt(path)]).toEqual([path, 404]);
      for (const path of ['/api/./admin', '/api/x%2f..%2fadmin', '/api/admin;x', '/api/admin%00', '/api/%2561dmin'])
        expect([path, await statusAt(path)]).toEqual([path, 400]);
    });

    test('an absolute-form target of this authority is checked normally, of another it is refused', async () => {
      expect(await statusAt('http://x/api/admin')).toBe(401);
      expect(await statusAt('http://y/api/admin')).toBe(400);
    });
  });
});

test('a handler that fails during its response leaves no client waiting', async () => {
  const gate = gateOf('routes: [{ path: /a, auth: { api_key: true } }]');
  const broken: Handler = (req, res) =>
    gate(req, res, () => {
      res.write('part');
      throw new Error('the handler broke');
    });
  await serving(broken, async (port) => {
    const late = new Promise<string>((resolve) => setTimeout(() => resolve('still waiting'), 3_000));
    const ended = ask({ port, path: '/a', headers: GUEST }).then(
      () => 'ended',
      () => 'ended',
    );
    expect(await Promise.race([ended, late])).toBe('ended');
  });
});

describe('client certificates on a server of the host', () => {
  let certificates: Certificates;
  beforeAll(async () => (certificates = await makeCertificates()));
  afterAll(() => certificates.remove());

  const read = (file: string): string => readFileSync(file, 'utf8');
  const statusWith = async (gate: Loom, client: { cert: string; key: string }): Promise<number> => {
    const { server: own, ca, otherCa } = certificates;
    const options = { cert: read(own.cert), key: read(own.key), ca: [read(ca), read(otherCa)] };
    const server = createTlsServer({ ...options, requestCert: true, rejectUnauthorized: false }, (req, res) =>
      gate(req, res, () => res.end('in')),
    );
    const port = await listening(server);
    const tls = { ca: read(ca), cert: read(client.cert), key: read(client.key) };
    const { status } = await ask({ port, path: '/s', tls });
    server.closeAllConnections();
    await closed(server);
    return status;
  };

  test('are not accepted if the authority is not the one of the file’s listener', async () => {
    const { server, ca, client, wrongCa } = certificates;
    const tls = `cert_file: ${server.cert}, key_file: ${server.key}, client_auth: require, ca_file: ${ca}`;
    const text = `
listeners: [{ name: tls, address: ":8443", protocol: https, tls: { ${tls} } }]
routes: [{ path: /s, auth: { mtls: true } }]`;
    const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
    expect(await statusWith(gate, client)).toBe(200);
    expect(await statusWith(gate, wrongCa)).toBe(401);
  });

  test('are not accepted if the authority is not that of mtls.ca_file', async () => {
    const { ca, client, wrongCa } = certificates;
    const text = `middleware: { auth: { mtls: { ca_file: ${ca} } } }\nroutes: [{ path: /s, auth: { mtls: true } }]`;
    const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
    expect(await statusWith(gate, client)).toBe(200);
    expect(await statusWith(gate, wrongCa)).toBe(401);
  });
});
