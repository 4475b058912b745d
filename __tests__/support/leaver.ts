/** A client that disconnects: at a chosen step, and in one of the ways that a connection can end. */
import { connect, createServer, type Socket } from 'node:net';
import { get, request } from './attack-ground.js';
import { handshake } from './handshake.js';
import { closed, listening } from './recording-upstream.js';

/** The bytes sent before the client leaves, and the condition for leaving. */
export interface Step {
  readonly name: string;
  readonly bytes: (id: number) => string;
  /** Leaves at the first received bytes, instead of after a while. */
  readonly afterBytes?: true;
}

const upload = (target: string, framing: string, sent: string): string =>
  request('POST', target, ['X-API-Key: KEY', framing], sent);

/** `stepsWith` replaces `KEY`, `TOKEN`, `UNKNOWN` and `WRONG`. */
const STEPS: readonly Step[] = [
  { name: 'nothing sent', bytes: () => '' },
  { name: 'in the request line', bytes: () => 'GET /public/he' },
  { name: 'in the head', bytes: () => get('/public/hold', 'X-A: b').slice(0, -7) },
  { name: 'before the last line end', bytes: () => get('/public/hold').slice(0, -1) },
  { name: 'before the body', bytes: () => upload('/api/v1/hold', 'Content-Length: 1000', '') },
  { name: 'in the body', bytes: () => upload('/api/v1/hold', 'Content-Length: 1000', 'a'.repeat(500)) },
  { name: 'in a chunk', bytes: () => upload('/api/v1/hold', 'Transfer-Encoding: chunked', '3e8\r\naaa') },
  { name: 'in a long body', bytes: () => upload('/api/v1/hold', 'Content-Length: 1000000', 'a'.repeat(200_000)) },
  { name: 'waiting for 100', bytes: () => upload('/api/v1/hold', 'Content-Length: 9\r\nExpect: 100-continue', '') },
  { name: 'after invalid bytes', bytes: () => `${get('/public/hold')}nonsense` },
  { name: 'waiting for keys', bytes: () => get('/internal/x', 'Authorization: Bearer UNKNOWN') },
  { name: 'waiting for introspection', bytes: (id) => get('/oauth/x', `Authorization: Bearer opaque-${id}`) },
  { name: 'waiting for a password', bytes: (id) => get('/ops/x', `Authorization: Basic ${wrongPassword(id)}`) },
  { name: 'waiting for the head', bytes: () => get('/internal/hold', 'Authorization: Bearer TOKEN') },
  { name: 'waiting for the second of two', bytes: () => get('/public/quick') + get('/public/hold') },
  { name: 'waiting for four', bytes: () => get('/public/hold').repeat(4) },
  { name: 'in the response’s head', bytes: () => get('/public/half-head') },
  { name: 'in the answer', bytes: () => get('/public/half'), afterBytes: true },
  { name: 'in a long response', bytes: () => get('/public/endless'), afterBytes: true },
  { name: 'in an event stream', bytes: () => get('/public/events'), afterBytes: true },
  { name: 'after the answer', bytes: () => get('/public/quick'), afterBytes: true },
  { name: 'after a refusal', bytes: () => get('/internal/x'), afterBytes: true },
  { name: 'while the upstream leaves', bytes: () => get('/public/reset') },
  { name: 'in the handshake', bytes: () => handshake('/api/v1/hold', 'X-API-Key: KEY') },
  { name: 'in a handshake that waits', bytes: (id) => handshake('/oauth/x', `Authorization: Bearer ws-${id}`) },
  { name: 'in a handshake that fails', bytes: () => handshake('/public/reset') },
  { name: 'in a handshake refused', bytes: () => handshake('/public/half'), afterBytes: true },
  { name: 'in the tunnel', bytes: () => handshake('/api/v1/tunnel', 'X-API-Key: KEY'), afterBytes: true },
  { name: 'in a tunnel in use', bytes: () => handshake('/public/tunnel') + 'a'.repeat(70_000), afterBytes: true },
];

const wrongPassword = (id: number): string => Buffer.from(`admin:wrong-${id}`).toString('base64');

export function stepsWith(words: Readonly<Record<'KEY' | 'TOKEN' | 'UNKNOWN', string>>): readonly Step[] {
  const put = (text: string): string =>
    text.replace(/KEY\b|TOKEN|UNKNOWN/g, (word) => words[word as keyof typeof words]);
  return STEPS.map((step) => ({ ...step, bytes: (id) => put(step.bytes(id)) }));
}

export const ENDS = ['reset', 'destroy', 'end'] as const;

export interface Leaving {
  readonly step: Step;
  readonly id: number;
  readonly how: (typeof ENDS)[number];
  readonly afterMs: number;
}

/** Connects, sends, leaves. Settles when its socket is closed. */
export function leave(port: number, { step, id, how, afterMs }: Leaving): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      const bytes = step.bytes(id);
      if (bytes !== '') socket.write(bytes, 'latin1');
      // The latest moment, if nothing ever comes back.
      setTimeout(go, step.afterBytes ? 2_000 : afterMs).unref();
    });
    let gone = false;
    const go = (): void => {
      if (gone) return;
      gone = true;
      if (how === 'reset') socket.resetAndDestroy();
      else if (how === 'destroy') socket.destroy();
      else {
        socket.end();
        setTimeout(() => socket.destroy(), 20);
      }
    };
    socket.on('data', () => step.afterBytes && go());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });
}

export interface MoodyUpstream {
  readonly port: number;
  readonly connections: () => number;
  /** The number of connections so far. */
  readonly accepted: () => number;
  close(): Promise<void>;
}

/** Handles each request as the end of its path says. */
export async function moodyUpstream(): Promise<MoodyUpstream> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      const path = /^[A-Z]+ \S*\/([\w-]+) HTTP/.exec(chunk.toString('latin1'))?.[1];
      if (path !== undefined) behave(socket, path, chunk.toString('latin1'));
    });
  });
  const port = await listening(server);
  return {
    port,
    connections: () => sockets.size,
    accepted: () => accepted,
    close: () => closed(server, [...sockets]),
  };
}

const OK = 'HTTP/1.1 200 OK\r\n';
// For the one nonce that `handshake` sends (RFC 6455 §1.3).
const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

function behave(socket: Socket, path: string, bytes: string): void {
  const said: Readonly<Record<string, string>> = {
    quick: `${OK}Content-Length: 2\r\n\r\nok`,
    x: `${OK}Content-Length: 2\r\n\r\nok`,
    'half-head': `${OK}Content-Le`,
    half: `${OK}Content-Length: 1000\r\n\r\nhalf`,
    events: `${OK}Content-Type: text/event-stream\r\n\r\ndata: 1\n\n`,
    endless: `${OK}Content-Length: 100000000\r\n\r\n${'a'.repeat(1_000_000)}`,
    tunnel: /upgrade: websocket/i.test(bytes) ? `${SWITCHING}hello` : `${OK}Content-Length: 0\r\n\r\n`,
  };
  if (path === 'reset') socket.resetAndDestroy();
  else if (said[path] !== undefined) socket.write(said[path]);
}
