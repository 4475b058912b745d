/** Keep-alive connections to one endpoint: how many may be open, how many may wait, and for how long. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { PlannedUpstream } from '../config/plan-types.js';
import type { Endpoint } from './endpoints.js';

/**
 * One agent per endpoint: TLS sessions and pooled sockets never cross from one host to another. The last socket used is
 * the first reused, so that idle ones age out before the upstream closes them.
 */
export function createAgent(endpoint: Endpoint, planned: PlannedUpstream): HttpAgent {
  const options = {
    keepAlive: true,
    maxSockets: planned.maxOpen,
    maxFreeSockets: planned.maxIdle,
    timeout: planned.idleTimeoutMs,
    scheduling: 'lifo' as const,
  };
  const agent = endpoint.tls
    ? new HttpsAgent({ ...options, ...endpoint.tls })
    : // Without TLS nobody asks for a server name; Node would read one from each request's Host.
      new HttpAgent({ ...options, ...{ servername: '' } });
  // To the constructor, 0 is nothing said, and it keeps 256.
  agent.maxFreeSockets = planned.maxIdle;
  return agent;
}

/** Closes idle sockets now and the others as soon as their answer ends. */
export function retire(agent: HttpAgent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
