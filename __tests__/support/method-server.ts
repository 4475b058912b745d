/** One auth method behind a real HTTP or HTTPS server that answers with the decision as JSON. */
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { attemptOf, type Authenticator } from '../../src/auth/combine.js';
import type { Method, MethodDeps, MethodStrategy } from '../../src/auth/method.js';
import { fromOurs } from '../../src/auth/strategy-runner.js';
import type { Verdict } from '../../src/auth/verdict.js';

export const deps: MethodDeps = {
  now: Date.now,
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
};

export interface MethodAtWork {
  readonly strategy: MethodStrategy;
  readonly authenticate: Authenticator;
}

/** The method with its block as in a file. */
export function atWork<Options>(
  method: Method<Options>,
  block: unknown,
  given: Partial<MethodDeps> = {},
): MethodAtWork {
  const options = method.options.parse(block);
  const strategy = method.compile(options, { ...deps, ...given });
  const authenticate = fromOurs(strategy, { places: method.places(options), challenge: method.challenge(options) });
  return { strategy, authenticate };
}

export interface MethodServer {
  readonly port: number;
  /** The decision on a request with these raw lines after the request line. */
  ask(lines?: readonly string[], target?: string): Promise<Verdict>;
  close(): Promise<void>;
}

export type Watch = (request: IncomingMessage) => void;

export async function serveMethod(
  { authenticate }: MethodAtWork,
  watch: Watch = () => undefined,
): Promise<MethodServer> {
  const server = http.createServer((request, response) => void answer(authenticate, request, response, watch));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    ask: (lines = [], target = '/') => askRaw(connect(port, '127.0.0.1'), lines, target),
    close: () => closeServer(server),
  };
}

export async function serveTlsMethod(
  { authenticate }: MethodAtWork,
  tls: https.ServerOptions,
  watch: Watch = () => undefined,
) {
  const server = https.createServer(tls, (request, response) => void answer(authenticate, request, response, watch));
  server.on('tlsClientError', () => undefined);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, server, close: () => closeServer(server) };
}

async function answer(
  authenticate: Authenticator,
  request: IncomingMessage,
  response: http.ServerResponse,
  watch: Watch,
) {
  try {
    watch(request);
    const verdict = await authenticate(attemptOf(request));
    response.end(
      JSON.stringify(verdict.kind === 'unavailable' ? { ...verdict, cause: verdict.cause.message } : verdict),
    );
  } catch (cause) {
    response.writeHead(500).end(JSON.stringify({ kind: 'crashed', cause: String(cause) }));
  }
}

/** Sends bytes unchanged, because a client library would normalise the headers. */
export async function askRaw(socket: Socket, lines: readonly string[], target = '/'): Promise<Verdict> {
  socket.write(
    Buffer.from([`GET ${target} HTTP/1.1`, 'Host: x', 'Connection: close', ...lines, '', ''].join('\r\n'), 'latin1'),
  );
  let text = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) text += chunk.toString('utf8');
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  const json = body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1);
  return JSON.parse(json) as Verdict;
}

async function closeServer(server: http.Server | https.Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
