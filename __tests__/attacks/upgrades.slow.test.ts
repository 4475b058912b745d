/**
 * Attacks on upgrades: sockets that break during authentication, a second gate, responses that reach the wrong request.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { WebSocketServer } from 'ws';
import { loom, type Loom, type LoomOptions } from '../../src/loom.js';
import { serve } from '../../src/serve/serve.js';
import { askBytes, statusOf } from '../support/ask.js';
import { built, NODE } from '../support/built.js';
import { handshake } from '../support/handshake.js';
import { freePorts } from '../support/ports.js';
import { Background } from '../support/process.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, echoUpstream, listening, recordingUpstream } from '../support/recording-upstream.js';

const KEYS = 'api_key: { keys: [{ key: key-of-alice, name: alice }] }';
const KEY = 'X-API-Key: key-of-alice';

/** Closes what a test opened, even if the test failed. */
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

function gateOf(text: string, options: LoomOptions = {}): Loom {
  return loom({ text, file: 'loom.yaml' }, { log: quietLog(), ...options });
}

/** A host whose sockets end with it. */
async function host(gate: Loom, prepare: (server: Server) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((req, res) => gate(req, res, () => void setTimeout(() => res.end('hello'), 100)));
  server.on('connection', (socket) => void sockets.push(socket));
  prepare(server);
  opened.push(() => closed(server, sockets));
  return listening(server);
}

/** Greets with the host's own text on every socket that it receives. */
const greeting = (server: Server): void =>
  void server.on('upgrade', (req: IncomingMessage, socket) => {
    socket.on('error', () => undefined);
    socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\nadmitted to ${req.url}`);
  });

describe('a client that resets its connection while its upgrade is authenticated', () => {
  const dir = mkdtempSync(join(tmpdir(), 'loom-attack-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const program = (wiring: string): string => `
    import { createServer } from 'node:http';
    import { loom } from ${JSON.stringify(pathToFileURL(join(dirname(built()), '../index.js')).href)};
    const strategy = { authenticate() { setTimeout(() => this.fail(401), 500); } };
    const text = 'routes: [{ path: /socket, auth: { slow: true } }]';
    const gate = loom({ text, file: 'loom.yaml' }, { strategies: { slow: { strategy } } });
    const server = createServer((req, res) => gate(req, res, () => res.end('hello')));
    ${wiring}
    server.listen(0, '127.0.0.1', () => console.log('port=' + server.address().port + '.'));`;

  async function survives(name: string, wiring: string): Promise<boolean> {
    const file = join(dir, `${name}.mjs`);
    writeFileSync(file, program(wiring));
    const host = new Background(NODE, [file]);
    const [, port] = await host.until(/port=(\d+)\./);
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(handshake('/socket')));
    socket.on('error', () => undefined);
    setTimeout(() => socket.resetAndDestroy(), 150);
    const alive = await Promise.race([
      host.ended.then(() => false),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 1_500)),
    ]);
    await host.stop('SIGKILL');
    return alive;
  }

  test('does not end the process of a host that called attach()', async () => {
    expect(await survives('attach', `server.on('upgrade', () => undefined); gate.attach(server);`)).toBe(true);
  });

  test('does not end the process of a host that calls upgrade() by hand', async () => {
    expect(await survives('by-hand', `server.on('upgrade', (...each) => gate.upgrade(...each));`)).toBe(true);
  });

  test('does not end the process of a host that listens to errors itself', async () => {
    const wiring = `server.on('upgrade', (req, socket, head) => { socket.on('error', () => {}); gate.upgrade(req, socket, head); });`;
    expect(await survives('careful', wiring)).toBe(true);
  });
});

describe('attach()', () => {
  test('by a second gate protects the paths of its file too', async () => {
    const chat = gateOf(`middleware: { auth: { ${KEYS} } }\nroutes: [{ path: /chat, auth: { api_key: true } }]`);
    const admin = gateOf(`middleware: { auth: { ${KEYS} } }\nroutes: [{ path: /admin, auth: { api_key: true } }]`);
    const port = await host(chat, (server) => {
      greeting(server);
      chat.attach(server);
      admin.attach(server);
    });
    expect(statusOf(await askBytes(port, handshake('/admin', KEY)))).toBe(101);
    expect(statusOf(await askBytes(port, handshake('/chat')))).toBe(401);
    expect(statusOf(await askBytes(port, handshake('/admin')))).toBe(401);
  });

  test.each(['before', 'after', 'twice, around'])('%s the ws library receives only admitted upgrades', async (when) => {
    const gate = gateOf(`middleware: { auth: { ${KEYS} } }\nroutes: [{ path: /socket, auth: { api_key: true } }]`);
    const port = await host(gate, (server) => {
      if (when !== 'after') gate.attach(server);
      new WebSocketServer({ server });
      if (when !== 'before') gate.attach(server);
    });
    expect(statusOf(await askBytes(port, handshake('/socket')))).toBe(401);
    expect(statusOf(await askBytes(port, handshake('/socket', KEY)))).toBe(101);
  });

  test('survives removeAllListeners: nothing reaches a listener without authentication', async () => {
    const gate = gateOf(`middleware: { auth: { ${KEYS} } }\nroutes: [{ path: /socket, auth: { api_key: true } }]`);
    const port = await host(gate, (server) => {
      gate.attach(server);
      server.removeAllListeners('upgrade');
      greeting(server);
    });
    expect(await askBytes(port, handshake('/socket'))).not.toContain('admitted');
  });

  test('drops a header of a strategy’s challenge that HTTP cannot carry', async () => {
    const strategy = {
      authenticate(this: { fail(challenge: string, status: number): void }) {
        this.fail('Foo\r\nSet-Cookie:session=evil realm="x"', 401);
      },
    };
    const gate = gateOf('routes: [{ path: /socket, auth: { own: true } }]', { strategies: { own: { strategy } } });
    const port = await host(gate, (server) => {
      greeting(server);
      gate.attach(server);
    });
    const answer = await askBytes(port, handshake('/socket'));
    expect(statusOf(answer)).toBeGreaterThanOrEqual(400);
    expect(answer).not.toMatch(/^set-cookie/im);
  });
});

describe('a gateway', () => {
  async function gateway(endpoint: string): Promise<number> {
    const [port = 0] = await freePorts(1);
    const text = `
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
middleware: { auth: { ${KEYS} } }
routes:
  - { id: open, path: /open, upstream: far, auth: none }
  - { id: socket, path: /socket, upstream: far, auth: { api_key: true } }
upstreams: [{ name: far, endpoints: ["${endpoint}"] }]`;
    const running = await serve({ text, file: 'loom.yaml' }, { log: quietLog() });
    opened.push(() => running.stop({ timeout: 0 }));
    return port;
  }

  test.each([
    ['an upgrade', handshake('/socket')],
    ['a CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('never answers %s before the request ahead of it', async (_what, second) => {
    const echo = await echoUpstream((_req, res) => {
      setTimeout(() => res.end('first'), 200);
      return true;
    });
    opened.push(() => echo.close());
    const port = await gateway(`127.0.0.1:${echo.port}`);
    const first = 'GET /open HTTP/1.1\r\nHost: x\r\n\r\n';
    expect(statusOf(await askBytes(port, first))).toBe(200);
    const answer = await askBytes(port, first + second).catch(() => '');
    expect([0, 200]).toContain(statusOf(answer));
  });

  test('rejects a 101 without an upgrade', async () => {
    const far = await recordingUpstream(() => 'HTTP/1.1 101 Switching Protocols\r\n\r\n');
    opened.push(() => far.close());
    const port = await gateway(`127.0.0.1:${far.port}`);
    expect(statusOf(await askBytes(port, handshake('/socket', KEY)))).toBe(502);
  });

  test.each([
    ['another version', handshake('/socket', KEY).replace('13', '8'), 426],
    ['a POST', handshake('/socket', KEY).replace('GET', 'POST'), 400],
    ['a body', `${handshake('/socket', KEY, 'Content-Length: 5')}hello`, 400],
    ['chunks', `${handshake('/socket', KEY, 'Transfer-Encoding: chunked')}0\r\n\r\n`, 400],
    ['no credential', handshake('/socket'), 401],
  ])('lets no upgrade with %s reach the upstream', async (_what, bytes, status) => {
    const far = await recordingUpstream();
    opened.push(() => far.close());
    const port = await gateway(`127.0.0.1:${far.port}`);
    expect(statusOf(await askBytes(port, bytes))).toBe(status);
    expect(far.received).toEqual([]);
  });
});
