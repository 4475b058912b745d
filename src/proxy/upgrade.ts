/** Sends an admitted WebSocket handshake to the upstream and joins the two sockets after its 101. */

// This module uses `node:http` and not the proxy's own `upgrade`. The proxy destroys the socket after a refused,
// stalled or invalid handshake and sends no response. The proxy does not check the accept key and forwards every field
// of the 101. The proxy reports failures to one listener for all requests.
import { createHash } from 'node:crypto';
import { request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RequestContext } from '../context/request-context.js';
import { ownLimitOf } from '../lib/own-limit.js';
import type { Log, Now } from '../lib/types.js';
import { dropHopByHop, endToEndFields, reasonPhrase, type Field } from './end-to-end-fields.js';
import { EarlyBytes } from '../http/early-bytes.js';
import { addressOf, type Endpoint } from './endpoints.js';
import { codeOf, failureOf, failureWords, UpstreamInvalid, UpstreamTimeout } from './failure.js';
import type { FailureCode, FailureStatus } from './failure.js';
import { awaitsBody } from './response.js';
import { callAt, join, type LiveSocket, type LiveSockets, type Session } from './tunnel.js';
import type { Upstream } from './upstream.js';
import type { EndpointLease } from './upstream/member.js';

/** How long a client may take to read a refusal before its socket is closed. */
const LINGER_MS = 10_000;

export interface UpgradeOptions {
  readonly context: RequestContext;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly upstream: Pick<Upstream, 'name' | 'lease'>;
  readonly url: string;
  /** The limit of the whole handshake, and of the time between the bytes of a refusal. */
  readonly timeoutMs: number;
  readonly preserveHost: boolean;
  /** When the identity expires. Absent: nothing expires, and only `maxSessionMs` applies. */
  readonly expiresAtMs?: number;
  readonly maxSessionMs: number;
  /** The marker of the token, as the client spelled it. */
  readonly answerSubprotocol?: string;
  readonly liveSockets: LiveSockets;
  /** The session of the socket. A reload may end the session. */
  readonly session?: Session;
  /** Writes the refusal and closes the socket. */
  readonly deny: (status: FailureStatus, code: FailureCode) => void;
  readonly log: Log;
  readonly now: Now;
}

/** Lives as long as the socket, so it must not refer to the configuration that judged the upgrade. */
type Forwarding = Omit<UpgradeOptions, 'liveSockets' | 'session'> & { readonly live: LiveSocket };

/** A handshake is sent once: the effect of a failed attempt is unknown, and clients reconnect by themselves. */
export function forwardUpgrade({ liveSockets, session, ...options }: UpgradeOptions): void {
  const { context, socket, upstream } = options;
  const lease = upstream.lease(context);
  if (lease instanceof Error) {
    const { status, code } = failureOf(lease);
    options.log.warn({ upstream: upstream.name, status, code }, 'upgrade failed');
    context.endpointFailure = { endpoint: `none of ${upstream.name}`, cause: codeOf(lease) };
    options.deny(status, code);
    return;
  }
  // A tunnel counts as load of its endpoint while it is open.
  if (socket.destroyed) lease.release();
  else socket.once('close', () => lease.release());
  const live = liveSockets.add(() => socket.destroy(), session);
  handshake({ ...options, live }, lease);
}

function handshake(options: Forwarding, lease: EndpointLease): void {
  const { socket, upstream, timeoutMs, live } = options;
  const { endpoint } = lease;
  const request = shakeHands(options, endpoint);
  const early = new EarlyBytes(socket, options.head);
  let head = options.head;
  let settled = false;
  const settle = (): boolean => {
    if (settled) return false;
    settled = true;
    clearTimeout(deadline);
    clearTimeout(connecting);
    head = early.take();
    return true;
  };
  const fail = (thrown: unknown): void => {
    if (!settle()) return;
    const error = ownLimitOf(thrown) ?? thrown;
    live.forget();
    request.destroy();
    if (!socket.destroyed) lease.failed(error);
    const { status, code } = failureOf(error);
    const facts = { upstream: upstream.name, endpoint: endpoint.name, status, code, cause: codeOf(error) };
    options.log.warn(facts, failureWords(error, 'upgrade failed'));
    options.context.endpointFailure = { endpoint: endpoint.name, cause: facts.cause };
    if (!socket.destroyed) options.deny(status, code);
  };
  const deadline = setTimeout(() => fail(new UpstreamTimeout('handshake')), timeoutMs);
  const connecting = setTimeout(() => fail(new UpstreamTimeout('connect')), endpoint.connectTimeoutMs);
  request.once('socket', (upstreamSocket: Socket) =>
    upstreamSocket.once(endpoint.tls ? 'secureConnect' : 'connect', () => clearTimeout(connecting)),
  );
  socket.on('error', () => socket.destroy());
  socket.once('close', () => {
    if (!settle()) return;
    live.forget();
    request.destroy();
  });
  request.on('error', fail);
  request.once('close', () => fail(new UpstreamInvalid('closed without an answer')));
  request.once('response', (response) => {
    const begin = (): void => {
      // A 101 to a protocol that was not requested is not a valid response.
      if ((response.statusCode ?? 0) < 200) fail(new UpstreamInvalid('status'));
      else if (settle()) {
        lease.answered(response.statusCode ?? 0);
        relay(response, options);
      } else response.destroy();
    };
    // The request reports earlier errors.
    response.on('error', () => undefined);
    if (awaitsBody(response, 'GET')) response.once('readable', begin);
    else begin();
  });
  request.once('upgrade', (response: IncomingMessage, upstreamSocket: Socket, first: Buffer) => {
    upstreamSocket.on('error', () => upstreamSocket.destroy());
    try {
      const switching = switchingHead(response, options);
      if (settle()) {
        lease.answered(101);
        open({ options, upstreamSocket, switching, first, head, silenceMs: endpoint.silenceTimeoutMs });
      } else upstreamSocket.destroy();
    } catch (error) {
      upstreamSocket.destroy();
      fail(error instanceof UpstreamInvalid ? error : new UpstreamInvalid('handshake', { cause: error }));
    }
  });
  request.end();
}

/** Bytes after the client's head stay unread: the upstream receives them only after its 101. */
function shakeHands(options: Forwarding, endpoint: Endpoint): ClientRequest {
  const { context, url, preserveHost } = options;
  const { request: req } = context;
  dropHopByHop(req);
  const headers = { ...req.headers };
  delete headers['content-length'];
  delete headers['transfer-encoding'];
  const parts: RequestOptions = {
    ...addressOf(endpoint),
    path: url,
    method: 'GET',
    headers: {
      ...headers,
      ...(!preserveHost && { host: endpoint.url.host }),
      connection: 'Upgrade',
      upgrade: 'websocket',
    },
    agent: false,
  };
  return endpoint.tls ? httpsRequest({ ...parts, ...endpoint.tls }) : httpRequest(parts);
}

/** Checks the upstream's 101 (RFC 6455 §4.1) and returns the gateway's 101. */
function switchingHead(response: IncomingMessage, { context, answerSubprotocol }: Forwarding): string {
  const { upgrade, 'sec-websocket-accept': accept, 'sec-websocket-protocol': protocol } = response.headers;
  const expected = createHash('sha1')
    .update(`${context.request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  if (upgrade?.toLowerCase() !== 'websocket' || accept !== expected) throw new UpstreamInvalid('not a WebSocket');
  const fields: Field[] = [
    ['Upgrade', ['websocket']],
    ['Connection', ['Upgrade']],
    ...endToEndFields(response).filter(([name]) => name.toLowerCase() !== 'content-length'),
  ];
  // Without a subprotocol a browser that offered `bearer, <token>` fails the connection (RFC 6455 §4.1).
  if (answerSubprotocol && protocol === undefined) fields.push(['Sec-WebSocket-Protocol', [answerSubprotocol]]);
  return rawHead('101 Switching Protocols', fields);
}

interface Opened {
  readonly options: Forwarding;
  readonly upstreamSocket: Socket;
  readonly switching: string;
  readonly first: Buffer;
  /** The bytes that the client has sent so far. */
  readonly head: Buffer;
  /** The longest time without a byte in either direction. Undefined: no limit. */
  readonly silenceMs: number | undefined;
}

function open({ options, upstreamSocket, switching, first, head, silenceMs }: Opened): void {
  const { socket, now, live } = options;
  if (socket.destroyed) {
    live.forget();
    upstreamSocket.destroy();
    return;
  }
  options.context.answeredStatus = 101;
  socket.write(switching, 'latin1');
  if (first.length > 0) socket.write(first);
  if (head.length > 0) upstreamSocket.write(head);
  const cut = join(socket, upstreamSocket, () => {
    cancel();
    live.forget();
  });
  // Bytes from one side are written to the other, so this socket's silence means that both sides are silent.
  if (silenceMs !== undefined) upstreamSocket.setTimeout(silenceMs, cut);
  live.closeWith(cut);
  const cancel = callAt(options.expiresAtMs ?? now() + options.maxSessionMs, now, cut);
}

/** The upstream refused. Its response is forwarded as a plain response that ends when the connection closes. */
function relay(response: IncomingMessage, { context, socket, timeoutMs, live }: Forwarding): void {
  let head: string;
  try {
    const line = `${response.statusCode ?? 502} ${reasonPhrase(response) ?? ''}`;
    head = rawHead(line, [...endToEndFields(response), ['Connection', ['close']]]);
  } catch {
    head = rawHead('502 Bad Gateway', [
      ['Content-Length', ['0']],
      ['Connection', ['close']],
    ]);
    response.destroy();
  }
  context.answeredStatus = Number(head.slice(9, 12));
  socket.once('close', () => {
    live.forget();
    response.destroy();
  });
  response.setTimeout(timeoutMs, () => socket.destroy());
  response.on('error', () => socket.destroy());
  response.once('close', () => setTimeout(() => socket.destroy(), LINGER_MS).unref());
  socket.once('end', () => response.complete || socket.destroy());
  // The client's bytes are read and discarded. Otherwise the close would reset the connection and lose the response.
  socket.resume();
  socket.write(head, 'latin1');
  if (response.destroyed) socket.end();
  else response.pipe(socket);
}

function rawHead(line: string, fields: readonly Field[]): string {
  const lines = fields.flatMap(([name, value]) => [value].flat().map((each) => `${name}: ${each}\r\n`));
  return `HTTP/1.1 ${line}\r\n${lines.join('')}\r\n`;
}
