/** Defines what an engine must do: send one request to one endpoint over a pooled connection, and report what happens. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request that is ready to be sent. Its `url`, `headers` and framing are those that the upstream receives. */
export interface Outgoing {
  readonly req: IncomingMessage;
  /** The client's response. An engine never writes it. */
  readonly res: ServerResponse;
  /** Whether a body follows the head. An engine reads the body only if this is true. */
  readonly carriesBody: boolean;
}

/** The head of a response, as the upstream sent it. */
export type AnswerHead = Pick<IncomingMessage, 'statusCode' | 'statusMessage' | 'rawHeaders'> & {
  readonly headers: {
    readonly connection?: string | undefined;
    readonly 'content-length'?: string | undefined;
    readonly 'content-type'?: string | undefined;
    readonly 'transfer-encoding'?: string | undefined;
  };
};

export interface AnswerReader {
  /** Receives the next bytes. Returns false to stop the engine until `resume`. */
  data(chunk: Buffer): boolean;
  /** The whole response has arrived. */
  end(): void;
}

/** A final response (RFC 9110 §15), from its head to its last byte. */
export interface Answer extends AnswerHead {
  /** Whether the whole response has arrived. */
  readonly complete: boolean;
  /** Call it once, in the turn in which the head arrived. */
  read(reader: AnswerReader): void;
  resume(): void;
  /** Separates the response from its call: no event of the call follows. The caller must still read the response. */
  detach(): void;
  /** Closes the connection of an incomplete response. */
  destroy(): void;
}

/** Receives the events of one call. */
export interface CallEvents {
  /** The call has a connection, or a connection is being opened. No byte of the request is sent. */
  attached(): void;
  /** The connection is open, TLS included. Not called for a connection that was open before. */
  connected(): void;
  /** Receives the size of each chunk of the request body. Absent: the sizes are not counted. */
  readonly uploaded: ((bytes: number) => void) | undefined;
  /** The whole request is sent. */
  written(): void;
  /** The upstream sent an interim response (`1xx`), which is not forwarded. */
  interim(): void;
  answered(answer: Answer): void;
  /** No byte has moved on the connection for the time of `limitSilence`. */
  silent(): void;
  /** The call has ended without a whole response. At most once, and no other event follows. */
  failed(error: unknown): void;
}

/**
 * One request on its way. A request that did not end on both sides closes its connection: neither a failed call nor a
 * response before the end of the request leaves a connection that another request could use.
 */
export interface Call {
  /** Whether the connection was idle before this call, so that the upstream may have closed it. */
  readonly reused: boolean;
  /** Whether the connection was open when the call received it. */
  readonly open: boolean;
  /** Whether the connection takes more of the body than the client has sent. */
  readonly awaitsClient: boolean;
  /** Sends the request. An engine sends each request once and never repeats it. */
  send(): void;
  /** Limits the time without a byte on the connection, from now on. 0: no limit. */
  limitSilence(ms: number): void;
  /** Ends the call and closes its connection, at any time. No event follows. */
  abort(): void;
}

/** Sends the requests of one endpoint. All its connections have the same address, TLS options and server name. */
export interface Engine {
  call(outgoing: Outgoing, events: CallEvents): Call;
  /** Closes the idle connections now, and the others after their response. */
  close(): void;
}
