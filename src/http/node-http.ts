/** Loads values of `node:http` with `require`, so that a start does not load undici, HTTP/2 and zlib. */
import type * as Http from 'node:http';
import { createRequire } from 'node:module';

// An ESM import of `node:http` reads every export. The export `WebSocket` loads undici, HTTP/2 and zlib.
// That is about a fifth of the cost of a start. `require` reads no export.
const require = createRequire(import.meta.url);

export const { IncomingMessage, maxHeaderSize, METHODS, STATUS_CODES, validateHeaderName, validateHeaderValue } =
  require('node:http') as typeof Http;
