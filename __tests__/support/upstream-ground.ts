/** A gateway's forwarding to endpoints that die, hang, come back and answer as configured. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { contextOf } from '../../src/context/request-context.js';
import type { PlannedUpstream } from '../../src/config/plan-types.js';
import { createUpstream, type ForwardOptions, type Upstream, type UpstreamDeps } from '../../src/proxy/upstream.js';
import { checkUpgrade } from '../../src/http/upgrade-check.js';
import { LiveSockets } from '../../src/proxy/tunnel.js';
import { forwardUpgrade } from '../../src/proxy/upgrade.js';
import type { Metrics } from '../../src/lib/metrics.js';
import { ENGINE } from './engine.js';
import { quietLog, type Entry } from './quiet-log.js';
import { closed, listening } from './recording-upstream.js';

/**
 * `hang` accepts a request and sends nothing. `reset` breaks its connection. A number is the status of the response.
 */
export type Mood = number | 'hang' | 'reset' | 'garbage' | ((req: IncomingMessage, res: ServerResponse) => void);

/** One endpoint. Its port stays reserved while it is down. */
export class MoodyEndpoint {
  mood: Mood = 200;
  /** The response of `/health`, if it differs from the mood. */
  health: Mood | undefined;
  readonly asked: { readonly method: string; readonly url: string; readonly host: string }[] = [];
  readonly checks: number[] = [];
  connections = 0;
  #port = 0;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  constructor(private readonly tls?: ServerOptions) {}

  get url(): string {
    return `${this.tls ? 'https' : 'http'}://127.0.0.1:${this.#port}`;
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get open(): number {
    return this.#sockets.size;
  }

  async start(): Promise<this> {
    const answer = (req: IncomingMessage, res: ServerResponse): void => this.#answer(req, res);
    const server = this.tls ? createTlsServer(this.tls, answer) : createServer(answer);
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('upgrade', (_req, socket: Socket) => void socket.end(`HTTP/1.1 ${String(this.mood)} X\r\n\r\n`));
    if (this.#port === 0) this.#port = await listening(server);
    else await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server) await closed(server, [...this.#sockets]);
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    const { method = '', url = '', headers } = req;
    const isCheck = url === '/health';
    if (isCheck) this.checks.push(performance.now());
    else this.asked.push({ method, url, host: headers.host ?? '' });
    const mood = isCheck ? (this.health ?? this.mood) : this.mood;
    req.resume();
    if (mood === 'hang') return;
    if (mood === 'reset') req.socket.resetAndDestroy();
    else if (mood === 'garbage') req.socket.end('SSH-2.0-OpenSSH\r\n\r\n');
    else if (typeof mood === 'number') res.writeHead(mood, { 'X-Endpoint': String(this.#port) }).end('answer');
    else mood(req, res);
  }
}

export interface UpstreamGround {
  readonly port: number;
  readonly upstream: Upstream;
  readonly log: readonly Entry[];
  /** Calls of the metrics, such as `loom_upstream_retries_total`. */
  counted(name: string): readonly Readonly<Record<string, string | number>>[];
  /** All calls of the metrics, in order. */
  readonly calls: readonly { readonly name: string; readonly facts: Readonly<Record<string, string | number>> }[];
  /** The messages of the log, in order. */
  words(): readonly string[];
  get(
    path?: string,
    init?: RequestInit,
  ): Promise<{ readonly status: number; readonly body: string; readonly headers: Headers }>;
}

export interface GroundParts {
  readonly plan: Partial<PlannedUpstream>;
  readonly options?: Partial<ForwardOptions>;
  readonly deps?: Partial<UpstreamDeps>;
}

const cleanups: (() => Promise<void> | void)[] = [];

/** For `afterEach`. */
export async function closeUpstreamGrounds(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

export async function moody(mood: Mood = 200, tls?: ServerOptions): Promise<MoodyEndpoint> {
  const endpoint = new MoodyEndpoint(tls);
  endpoint.mood = mood;
  await endpoint.start();
  cleanups.push(() => endpoint.stop());
  return endpoint;
}

export function planOf(
  endpoints: readonly { readonly url: string }[],
  more: Partial<PlannedUpstream>,
): PlannedUpstream {
  return {
    name: 'backend',
    endpoints: endpoints.map(({ url }) => ({ url, weight: 1 })),
    balancer: 'round_robin',
    engine: ENGINE,
    connectTimeoutMs: 5_000,
    maxIdle: 10,
    maxOpen: 100,
    idleTimeoutMs: 30_000,
    ...more,
  };
}

export async function upstreamGround(
  endpoints: readonly { readonly url: string }[],
  { plan, options, deps }: GroundParts,
): Promise<UpstreamGround> {
  const log = quietLog();
  const calls: { name: string; facts: Record<string, string | number> }[] = [];
  const told = (name: string, labels: object, value = 1): void =>
    void calls.push({ name, facts: { ...(labels as Record<string, string>), value } });
  const metrics: Metrics = { count: told, gauge: told, time: told };
  const liveSockets = new LiveSockets();
  const upstream = createUpstream(planOf(endpoints, plan), {
    log,
    now: Date.now,
    metrics,
    onFailure: (_context, res, { status, code }) => res.writeHead(status).end(code),
    ...deps,
  });
  const forwarding = { timeoutMs: 15_000, preserveHost: true, ...options };
  const server = createServer((req, res) =>
    upstream.forward(contextOf(req), res, { url: req.url ?? '/', ...forwarding }),
  );
  server.on('upgrade', (req, socket, head) => {
    if (checkUpgrade(req)) throw new TypeError('no upgrade');
    const deny = (status: number, code: string): void =>
      void socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\n\r\n${code}`);
    forwardUpgrade({
      ...{ context: contextOf(req), socket, head, upstream, deny, liveSockets, log, ...forwarding },
      ...{ url: req.url ?? '/', maxSessionMs: 60_000, now: Date.now },
    });
  });
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  const port = await listening(server);
  cleanups.push(async () => {
    upstream.close();
    liveSockets.close();
    await closed(server, sockets);
  });
  return {
    port,
    upstream,
    log: log.entries,
    calls,
    counted: (name) => calls.filter((each) => each.name === name).map(({ facts }) => facts),
    words: () => log.entries.map(({ words }) => words),
    get: async (path = '/', init) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
      return { status: response.status, body: await response.text(), headers: response.headers };
    },
  };
}
