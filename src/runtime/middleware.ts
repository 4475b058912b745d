/** Defines what a host receives: a middleware with members, in types that need only `node:http`. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Keys } from '../auth/methods/api-key/store/keys.js';
import type { Protection } from '../auth/protection.js';
import type { Diagnostic } from '../config/diagnostics.js';
import type { Plan } from '../config/plan-types.js';
import type { ConfigSource } from '../config/source.js';
import type { Next } from '../lib/types.js';
import type { PassportLike } from '../gateway/passport-types.js';
import type { ExplainOptions, ExplainRequest, Explanation } from './explain/explanation.js';
import type { UpstreamStatus } from '../proxy/upstream.js';
import type { ShadowReport } from './shadow/report.js';

/**
 * A middleware for Connect, Express 4 and Express 5; a `node:http` server can call it too.
 *
 * @param req The request.
 * @param res The response.
 * @param next Called if the request is admitted and the route has no upstream.
 * @example
 * import { createServer } from 'node:http';
 * import { type ConnectMiddleware, loom } from 'loom-auth';
 *
 * const guard: ConnectMiddleware = loom('loom.yaml').protect('jwt');
 * createServer((req, res) => guard(req, res, () => res.end('hello')));
 */
export type ConnectMiddleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/**
 * A compiled file: a middleware with members.
 *
 * @example
 * import { createServer } from 'node:http';
 * import { loom, type Loom } from 'loom-auth';
 *
 * const gate: Loom = loom('loom.yaml');
 * await gate.ready;
 * const server = createServer((req, res) => gate(req, res, () => res.end('hello')));
 * server.on('close', () => gate.close());
 */
export interface Loom extends ConnectMiddleware {
  /** Settles when key sets and pools are loaded. A failure of the network does not reject it. */
  readonly ready: Promise<void>;
  /** What the current file means, as data. */
  readonly plan: Plan;
  /**
   * The auth methods of the file, as Passport's `authenticate`. Loom answers refused requests, unless a callback or an
   * option of Passport decides otherwise.
   *
   * @example
   * import express from 'express';
   * import { loom } from 'loom-auth';
   *
   * const gate = loom('loom.yaml');
   * express().get('/me', gate.passport.authenticate('jwt'), (req, res) => void res.json(req.auth));
   */
  readonly passport: PassportLike;
  /**
   * The keys of `middleware.auth.api_key.store`, for the host's own pages.
   *
   * @throws {TypeError} The file has no store.
   * @example
   * import { loom } from 'loom-auth';
   *
   * const gate = loom('loom.yaml');
   * export const revokeAll = async (customer: string): Promise<void> => void (await gate.keys.revoke({ name: customer }));
   */
  readonly keys: Keys;
  /**
   * Makes a middleware that requires what is given, independent of the routes of the file.
   *
   * @param protection The name of an auth method, a list of which one is enough, or the `auth` of a route.
   * @throws {TypeError} The file has no such auth method, an option is wrong, or the list is empty.
   * @example
   * import express from 'express';
   * import { authOf, loom } from 'loom-auth';
   *
   * const gate = loom('loom.yaml');
   * const readers = gate.protect({ jwt: { required_scopes: ['read'] } });
   * express().get('/me', readers, (req, res) => void res.json({ caller: authOf(req).subject }));
   */
  protect(protection: Protection): ConnectMiddleware;
  /** Handles one upgrade, for a host application with its own `upgrade` listener. A route needs an upstream. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Guards the `upgrade` listeners of a server, also those added later. They get only admitted sockets. */
  attach(server: Server): void;
  /**
   * Reads the file and every file that it names again, by default the last file. Requests in flight finish with the old
   * configuration. Upgraded sockets whose route, key, user or issuer changed are closed.
   *
   * @returns The warnings about the file.
   * @throws {ConfigError} The file is wrong or would open a guarded path. The old configuration stays in use.
   * @example
   * import { loom } from 'loom-auth';
   *
   * const gate = loom('loom.yaml');
   * process.on('SIGHUP', () => gate.reload().catch(() => undefined)); // the log has the error
   */
  reload(source?: ConfigSource): Promise<readonly Diagnostic[]>;
  /**
   * Returns the metrics in the text format of Prometheus.
   *
   * @throws {TypeError} The first file had no `metrics` block.
   */
  metrics(): Promise<string>;
  /** Returns the state of each upstream and its endpoints. */
  upstreams(): readonly UpstreamStatus[];
  /**
   * Says why a request would be admitted or refused, by the configuration in use. Nothing is sent, no limit is counted,
   * and no plugin and no strategy of the host application runs. An explanation has no credential. Show it to operators
   * only.
   *
   * @param request The request as data.
   * @param options Whether the introspection endpoint may be asked.
   * @returns The route, the verdict of each auth method, the identity headers, the limits and the answer.
   * @throws {TypeError} No client can send such a request.
   * @example
   * import { loom } from 'loom-auth';
   *
   * const gate = loom('loom.yaml');
   * const { allowed, detail, cure } = await gate.explain({ url: '/orders', headers: { 'X-API-Key': 'abc' } });
   * console.log(allowed, detail, cure);
   */
  explain(request: ExplainRequest, options?: ExplainOptions): Promise<Explanation>;
  /**
   * Returns what the shadow file would change, in this process.
   *
   * @example
   * import { loom } from 'loom-auth';
   *
   * const gate = loom('loom.yaml', { shadow: 'next.yaml' });
   * setInterval(() => console.log(gate.shadow().differences), 60_000).unref();
   */
  shadow(): ShadowReport;
  /** Stops timers and pools, and closes upgraded sockets and idle connections to upstreams. */
  close(): Promise<void>;
}
