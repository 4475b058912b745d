/** One request or upgrade that waits for its answer, and whether it still does. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { isHttp2 } from '../http/http-version.js';
import type { Admitted } from '../admission/admit.js';
import type { Guard } from '../admission/policy.js';
import type { Denial } from '../admission/denial.js';

/** Writes a denial in place of `deny`; `instance` is the id of its line in the log. */
export type Refuse = (denial: Denial, instance: string) => void;

export interface Answerable {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

export type Exchange =
  (Answerable & { readonly refuse?: Refuse }) | { readonly req: IncomingMessage; readonly socket: Duplex };

/** What a host that answers by itself asks and is told. */
export interface Judging {
  readonly guard: Guard;
  readonly admitted: (admitted: Admitted) => void;
  readonly refuse: Refuse;
}

/** The client left, or a host has answered in the meantime. */
export function isOver(exchange: Exchange): boolean {
  if ('socket' in exchange) return exchange.socket.destroyed;
  const { req, res } = exchange;
  // A response of HTTP/2 does not tell that its stream is gone.
  return res.headersSent || res.destroyed || (isHttp2(req) && req.stream.destroyed);
}
