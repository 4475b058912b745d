/** A copy of the facts of a request, from which another configuration can judge the request later. */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Recording } from '../auth/live-verdicts.js';
import { presented } from '../certificates/authorities.js';
import { tlsSocketOf } from '../certificates/certificate.js';
import { joinedFields, OwnRequest } from '../http/fields.js';
import { isHttp2 } from '../http/http-version.js';
import type { InjectedRequest } from '../http/injected-request.js';
import { replaceRequestState } from '../http/request-state.js';
import { isConnection, peerAddressOf, RecordedConnection } from '../lib/connection.js';
import { RequestContext } from './request-context.js';

/** What the line and the head of a request say, without its connection and its body. */
export interface RequestHead {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  /** Set if a host may have changed `headers` alone. */
  readonly headers?: IncomingMessage['headers'];
  /** The URLs that Express and Connect keep. */
  readonly originalUrl?: unknown;
  readonly baseUrl?: unknown;
  /** For HTTP/2: whether the head ended the stream. */
  readonly endsAfterHead?: boolean;
}

export interface RecordedRequest extends RequestHead {
  readonly connection: RecordedConnection;
  readonly injected?: InjectedRequest | undefined;
  readonly recording?: Recording | undefined;
}

/** Copies the head of a request. It must run before the request is changed. */
export function headOf(request: IncomingMessage): RequestHead {
  const { method = '', url = '', httpVersion, rawHeaders } = request;
  const { originalUrl, baseUrl } = request as { originalUrl?: unknown; baseUrl?: unknown };
  return {
    method,
    url,
    httpVersion,
    rawHeaders: rawHeaders.slice(),
    ...(!(request instanceof OwnRequest) && { headers: { ...request.headers } }),
    ...(originalUrl !== undefined && { originalUrl }),
    ...(baseUrl !== undefined && { baseUrl }),
    ...(isHttp2(request) && { endsAfterHead: request.stream.endAfterHeaders }),
  };
}

const connections = new WeakMap<object, RecordedConnection>();

/** Copies the facts of a connection. `certificates`: also the certificates of the client, which cost more. */
export function recordConnection(request: IncomingMessage, certificates: boolean): RecordedConnection {
  const { socket } = request;
  const known = connections.get(socket);
  const tls = certificates ? tlsSocketOf(socket) : undefined;
  // A renegotiation may bring another certificate until one is verified.
  if (known && (!tls || (known.chain.length > 0 && known.authorized && tls.authorized))) return known;
  const recorded = new RecordedConnection({
    peer: peerAddressOf(request),
    localPort: isConnection(socket) ? socket.localPort : undefined,
    encrypted: tlsSocketOf(socket) !== undefined,
    ...(tls && certificateOf(tls)),
  });
  if (isConnection(socket) && peerAddressOf(request) !== '') connections.set(socket, recorded);
  return recorded;
}

function certificateOf(tls: TLSSocket): object {
  const { authorized, authorizationError } = tls;
  return { authorized, authorizationError, chain: presented(tls) };
}

/** The requests of HTTP/2 have a getter `stream`, by which all code knows them. */
class RecordedHttp2 extends OwnRequest {
  readonly ended: boolean = false;

  get stream(): object {
    return { endAfterHeaders: this.ended, aborted: false, closed: false, destroyed: false };
  }
}

/** Makes a request and its context from the facts. No server and no client is connected to it. */
export function replay(recorded: RecordedRequest): RequestContext {
  const { method, url, httpVersion, rawHeaders, originalUrl, baseUrl, endsAfterHead, connection, injected } = recorded;
  const prototype = endsAfterHead === undefined ? OwnRequest.prototype : RecordedHttp2.prototype;
  const fields = [...rawHeaders];
  // No stream: nothing reads the body of a request that is judged without its connection.
  const request = Object.create(prototype) as IncomingMessage;
  Object.assign(request, {
    method,
    url,
    httpVersion,
    rawHeaders: fields,
    headers: recorded.headers ? { ...recorded.headers } : joinedFields(fields),
    rawTrailers: [],
    socket: injected ? {} : connection,
    ...(originalUrl !== undefined && { originalUrl }),
    ...(baseUrl !== undefined && { baseUrl }),
    ...(endsAfterHead !== undefined && { ended: endsAfterHead }),
  });
  const context = new RequestContext(request, injected);
  replaceRequestState(request, context);
  context.recording = recorded.recording;
  return context;
}
