/** Which protocol a request really came by: its request line may say `HTTP/2.0` on a plain HTTP/1 connection. */
import type { IncomingMessage } from 'node:http';
import type { Http2Stream } from 'node:http2';

/** A host's `node:http2` server made it; only there is one socket shared by many requests. */
export function isHttp2(req: IncomingMessage): req is IncomingMessage & { readonly stream: Http2Stream } {
  return 'stream' in req;
}

/** RFC 9112 §2.3: of a version that this connection does not speak, nobody knows the framing. */
export function hasKnownVersion(req: IncomingMessage): boolean {
  return req.httpVersion === '1.1' || req.httpVersion === '1.0' || isHttp2(req);
}
