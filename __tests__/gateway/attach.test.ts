/** Sockets of a host's own server: who gets them, and what happens when the host fails at them. */
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { loom, type Loom } from '../../src/loom.js';
import { shakeHands } from '../support/handshake.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

const TEXT = `
middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: alice }] } } }
routes: [{ id: chat, path: /chat, auth: { api_key: true } }, { id: open, path: /open, auth: none }]
`;
const KEY = { 'X-API-Key': 'key-of-alice' };

interface Site {
  readonly gate: Loom;
  readonly server: Server;
  readonly port: number;
  readonly log: ReturnType<typeof quietLog>;
}

async function withSite(
  prepare: (site: Omit<Site, 'port'>) => void,
  use: (site: Site) => Promise<void>,
): Promise<void> {
  const log = quietLog();
  const gate = loom({ text: TEXT, file: 'loom.yaml' }, { log });
  const server = createServer((req, res) => gate(req, res, () => res.end('hello')));
  prepare({ gate, server, log });
  const port = await listening(server);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => void sockets.add(socket));
  try {
    await use({ gate, server, port, log });
  } finally {
    await closed(server, [...sockets]);
    await gate.close();
  }
}

test('listeners come and go: only those that are there get an admitted socket', async () => {
  await withSite(
    ({ gate, server }) => gate.attach(server),
    async ({ server, port }) => {
      const first = new WebSocketServer({ server });
      first.close();
      const second = new WebSocketServer({ server });
      second.on('connection', (socket) => socket.send('second'));
      const client = new WebSocket(`ws://127.0.0.1:${port}/chat`, { headers: KEY });
      expect(await new Promise((resolve) => client.once('message', (data: Buffer) => resolve(data.toString())))).toBe(
        'second',
      );
      client.terminate();
      second.close();
    },
  );
});

test('without a listener an admitted socket ends, and a refused socket receives the status of the refusal', async () => {
  await withSite(
    ({ gate, server }) => gate.attach(server),
    async ({ port }) => {
      expect(await shakeHands(port, '/chat', 'X-API-Key: key-of-alice')).toBe('');
      expect(await shakeHands(port, '/chat')).toMatch(/^HTTP\/1\.1 401 /);
    },
  );
});

test('a listener that throws after its 101 loses the socket; no answer of ours stands in its stream', async () => {
  await withSite(
    ({ gate, server }) => {
      server.on('upgrade', (_req, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
        throw new Error('the handler broke');
      });
      gate.attach(server);
    },
    async ({ port, log }) => {
      expect(await shakeHands(port, '/chat', 'X-API-Key: key-of-alice')).toBe(
        'HTTP/1.1 101 Switching Protocols\r\n\r\n',
      );
      expect(log.entries.some(({ words }) => words.includes('upgrade listener of the host failed'))).toBe(true);
      expect(await shakeHands(port, '/chat')).toMatch(/^HTTP\/1\.1 401 /);
    },
  );
});

test('upgrade() by hand judges, and refuses what no upstream is there for', async () => {
  await withSite(
    ({ gate, server }) => void server.on('upgrade', (req, socket, head: Buffer) => gate.upgrade(req, socket, head)),
    async ({ port }) => {
      expect(await shakeHands(port, '/chat')).toMatch(/^HTTP\/1\.1 401 /);
      expect(await shakeHands(port, '/chat', 'X-API-Key: key-of-alice')).toMatch(/^HTTP\/1\.1 404 /);
    },
  );
});

test('a server that takes upgrades without attach is an error in the log, once', async () => {
  await withSite(
    ({ server }) => void server.on('upgrade', (_req, socket) => socket.destroy()),
    async ({ port, log }) => {
      for (let at = 0; at < 2; at++) await fetch(`http://127.0.0.1:${port}/open`);
      expect(log.entries.filter(({ words }) => words.includes('call loom.attach(server)'))).toHaveLength(1);
    },
  );
});

test('close() ends the sockets that a host still serves', async () => {
  await withSite(
    ({ gate, server }) => {
      new WebSocketServer({ server }).on('connection', (socket) => socket.send('hello'));
      gate.attach(server);
    },
    async ({ gate, port }) => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/chat`, { headers: KEY });
      await new Promise((resolve) => client.once('message', resolve));
      const end = new Promise((resolve) => client.once('close', resolve));
      await gate.close();
      await end;
    },
  );
});
