/** Servers of key sets with every kind of fault, and a gate in this process whose clock the test controls. */
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { compact } from '../tokens/raw-signing.js';
import type { Answer } from '../tokens/introspection-server.js';
import { signingKey, type SigningKey } from '../tokens/signing.js';
import { guarding, type Guarding } from './page-gate.js';
import { closed, listening } from './recording-upstream.js';
import { bearer, livelyClaims, type Claims } from './token-issuer.js';

export const K1 = signingKey('RS256');
export const K2 = signingKey('RS256');

export const jwkOf = (key: SigningKey, kid: string, more: object = {}): object => ({
  ...key.jwk,
  kid,
  use: 'sig',
  alg: key.alg,
  ...more,
});
export const setOf = (...keys: readonly object[]): string => JSON.stringify({ keys });

export function tokenOf(iss: string, key: SigningKey, kid?: string, claims: Claims = {}): string {
  const header = kid === undefined ? { alg: key.alg } : { alg: key.alg, kid };
  return compact(header, { iss, ...livelyClaims(), ...claims }, { alg: key.alg, key: key.privateKey });
}

export interface Gate extends Guarding {
  status(token: string): Promise<number>;
  /** Moves the clock of the gate on. */
  pass(ms: number): void;
}

/** A gate with this `jwt` block, whose clock the test controls. Its key sets are loaded at once. */
export async function gateOf(jwt: string, more = ''): Promise<Gate> {
  let ahead = 0;
  const gate = await guarding(`middleware: { auth: { chain: [jwt], jwt: ${jwt} } }\n${more}`, {
    now: () => Date.now() + ahead,
  });
  return {
    ...gate,
    status: async (token) => (await gate.ask('/', bearer(token))).status,
    pass: (ms) => void (ahead += ms),
  };
}

export interface Place {
  readonly origin: string;
  /** How many connections there were. */
  readonly visits: () => number;
  close(): Promise<void>;
}

/** A server that runs this function for each connection. */
export async function socketServer(act: (socket: Socket) => void): Promise<Place> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    act(socket);
  });
  return placeOf(server, sockets, 'http');
}

/** The same response over TLS. */
export async function tlsServer(options: ServerOptions, answer: Answer): Promise<Place> {
  const sockets: Socket[] = [];
  const server = createHttpsServer(
    options,
    ({ method = '', url = '', headers }, response) => void answer({ method, url, headers, body: '' }, response),
  );
  server.on('connection', (socket: Socket) => sockets.push(socket));
  server.on('tlsClientError', () => undefined);
  return placeOf(server, sockets, 'https');
}

async function placeOf(server: Server, sockets: Socket[], scheme: string): Promise<Place> {
  const port = await listening(server);
  return {
    origin: `${scheme}://127.0.0.1:${port}`,
    visits: () => sockets.length,
    close: () => closed(server, sockets),
  };
}
