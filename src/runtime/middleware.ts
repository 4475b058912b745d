/** What a host gets: a middleware with members, in types that need nothing but `node:http`. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Protection } from '../auth/protection.js';
import type { Diagnostic } from '../config/diagnostics.js';
import type { Plan } from '../config/plan-types.js';
import type { ConfigSource } from '../config/source.js';
import type { Next } from '../gateway/gateway.js';
import type { PassportLike } from '../gateway/passport-types.js';
import type { UpstreamStatus } from '../proxy/upstream.js';

/** A middleware of Connect, Express 4 and 5, or called by hand from a `node:http` server. */
export type ConnectMiddleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

export interface Loom extends ConnectMiddleware {
  /** Settles when key sets and pools have warmed up; what only the network can tell never rejects it. */
  readonly ready: Promise<void>;
  /** What the file means, as data; of the table that is in force now. */
  readonly plan: Plan;
  /**
   * The file's methods by name, under Passport's `authenticate`: `loom.passport.authenticate('jwt')`. A request is judged
   * by the table that is in force when it comes. A refusal is answered as any other of Loom, unless the host gave a
   * callback or an option of Passport for it.
   *
   * @example app.get('/me', gate.passport.authenticate('jwt'), (req, res) => res.json(req.user));
   */
  readonly passport: PassportLike;
  /** Guards a handler of the host, whatever the file says of its path. */
  protect(protection: Protection): ConnectMiddleware;
  /** Judges one upgrade, for a host that wires its server by hand; routes without an upstream are refused. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Takes over the server's `upgrade` listeners, those added later included: they see admitted sockets alone. */
  attach(server: Server): void;
  /**
   * Takes the file again, by default the one that was taken last: whatever it names (secrets, certificates, plugins) is
   * read anew, the next table is made and warmed up aside, and from one request to the next it is in force. Whoever is
   * judged at that moment is judged by the old one. Upgraded sockets whose route, key, user or issuer is not what it was
   * are closed. A path that was guarded is opened by `auth: none` alone.
   *
   * @example process.on('SIGHUP', () => gate.reload().catch(() => undefined)); // the log says why not
   * @returns The warnings about the file.
   * @throws {ConfigError} The file is wrong, or would open what was guarded: the old table stays in force.
   */
  reload(source?: ConfigSource): Promise<readonly Diagnostic[]>;
  /**
   * What was counted, in Prometheus's text format, for a page of the host's own: a middleware opens no port. Whether
   * anything is counted, the file says when it is first read.
   *
   * @throws TypeError The file has no `metrics` block.
   */
  metrics(): Promise<string>;
  /** Each upstream and how its endpoints are now. */
  upstreams(): readonly UpstreamStatus[];
  /** Stops timers and pools, closes upgraded sockets and idle connections to upstreams. */
  close(): Promise<void>;
}
