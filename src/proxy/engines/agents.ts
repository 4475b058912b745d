/** Creates the keep-alive connection pool of one endpoint: its open connections, idle connections and idle time. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
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
  };
  const { socketPath } = endpoint;
  const agent = endpoint.tls
    ? new HttpsAgent({ ...options, ...endpoint.tls })
    : // Plain HTTP needs no server name. Node would read a server name from each request's Host.
      new HttpAgent({ ...options, ...{ servername: '' }, ...(socketPath !== undefined && { socketPath }) });
  // The constructor ignores 0 and uses its default, 256.
  agent.maxFreeSockets = planned.maxIdle;
  return agent;
}

/** Closes idle sockets now. The other sockets close when their response ends. */
export function retire(agent: HttpAgent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
