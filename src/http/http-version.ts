/** Detects the real protocol of a request: its request line may contain `HTTP/2.0` on an HTTP/1 connection. */
import type { IncomingMessage } from 'node:http';
import type { Http2Stream } from 'node:http2';

/** Whether a host's `node:http2` server created the request. Only in HTTP/2 do many requests share one socket. */
export function isHttp2(req: IncomingMessage): req is IncomingMessage & { readonly stream: Http2Stream } {
  // The requests of the server have a getter. A mock may have any property of its own.
  return 'stream' in req && !Object.hasOwn(req, 'stream');
}

/** RFC 9112 §2.3: the framing of an unsupported version is unknown. */
export function hasKnownVersion(req: IncomingMessage): boolean {
  return req.httpVersion === '1.1' || req.httpVersion === '1.0' || isHttp2(req);
}
