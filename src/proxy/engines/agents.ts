/** Creates the keep-alive connection pool of one endpoint: its open connections, idle connections, idle time and age. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { PlannedUpstream } from '../../config/plan-types.js';
import type { Endpoint } from '../endpoints.js';

/**
 * Creates one agent per endpoint, so TLS sessions and pooled sockets are never shared between hosts. The agent reuses
 * the last used socket first, so idle sockets age out before the upstream closes them.
 */
export function createAgent(endpoint: Endpoint, planned: PlannedUpstream): HttpAgent {
  const options = {
    keepAlive: true,
    maxSockets: planned.maxOpen,
    maxFreeSockets: planned.maxIdle,
    timeout: planned.idleTimeoutMs,
    scheduling: 'lifo' as const,
    ...(endpoint.lookup && { lookup: endpoint.lookup }),
  };
  const { socketPath } = endpoint;
  const agent = endpoint.tls
    ? new HttpsAgent({ ...options, ...endpoint.tls })
    : // Plain HTTP needs no server name. Node would read a server name from each request's Host.
      new HttpAgent({ ...options, ...{ servername: '' }, ...(socketPath !== undefined && { socketPath }) });
  // The constructor ignores 0 and uses its default, 256.
  agent.maxFreeSockets = planned.maxIdle;
  if (planned.maxLifetimeMs !== undefined) limitAge(agent, planned.maxLifetimeMs);
  return agent;
}

/** An idle socket closes at its age, and a busy one after its response. */
function limitAge(agent: HttpAgent, maxLifetimeMs: number): void {
  const aged = new WeakSet<Socket>();
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (options, created) => {
    const socket = create(options, created) as Socket;
    atAge(socket, maxLifetimeMs, () => {
      aged.add(socket);
      if (isIdle(agent, socket)) socket.destroy();
    });
    return socket;
  };
  // The types of Node leave the result out.
  const keep = agent.keepSocketAlive.bind(agent) as (socket: Socket) => boolean;
  const keepYoung = (socket: Socket): boolean => !aged.has(socket) && keep(socket);
  Object.assign(agent, { keepSocketAlive: keepYoung });
}

function isIdle({ freeSockets }: HttpAgent, socket: Socket): boolean {
  return Object.values(freeSockets).some((sockets) => sockets?.includes(socket));
}

/** Connections that opened together must not close together. */
const JITTER = 0.1;

/** Calls back when the socket has reached its age, unless it has closed before. */
export function atAge(socket: Socket, maxLifetimeMs: number, act: () => void): void {
  const timer = setTimeout(act, maxLifetimeMs * (1 - JITTER * Math.random())).unref();
  socket.once('close', () => clearTimeout(timer));
}

/** Closes idle sockets now. The other sockets close when their response ends. */
export function retire(agent: HttpAgent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
