/**
 * Values of `node:http` for the files that every start loads. An ESM import of `node:http` reads every export, and the
 * export `WebSocket` loads undici with HTTP/2 and zlib: about a fifth of the cost of a start. `require` reads none.
 */
import type * as Http from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export const { IncomingMessage, METHODS, STATUS_CODES, validateHeaderName, validateHeaderValue } =
  require('node:http') as typeof Http;
