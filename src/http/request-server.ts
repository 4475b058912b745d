/** What a listener and an explanation share: how Node's server reads a request, and the events that bring one. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { awaitContinue } from './expect-continue.js';
import { OwnRequest } from './fields.js';
import { upgradeWebSocketsAlone } from './upgrade-check.js';

/** The options of the server that decide how a request is read. */
export const READING_OPTIONS = {
  IncomingMessage: OwnRequest,
  insecureHTTPParser: false,
  // Node would answer with its own text and without a log line. The framing check requires one host.
  requireHostHeader: false,
} as const;

/** Calls the function for each request, and lets the server emit `upgrade` for WebSockets alone. */
export function onEachRequest(server: Server, handle: (req: IncomingMessage, res: ServerResponse) => void): void {
  server.on('request', handle);
  // The gateway sends no 100 before admission: the 100 is written when the body is about to be read.
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    awaitContinue(req, res);
    handle(req, res);
  });
  server.on('checkExpectation', handle);
  upgradeWebSocketsAlone(server);
}
