/** One process of `serve --workers`: the usual gateway, but its primary decides when it stops. */
import cluster from 'node:cluster';
import type { AccessRules } from '../routing/access-rules.js';
import type { Log } from '../lib/types.js';
import type { Gatekeeper, ServeOptions } from './gatekeeper.js';
import { serveAmong, type Among } from './served.js';
import { TicketKeys } from './ticket-keys.js';
import { isOrder, tell, type Order } from './worker-messages.js';
import { SharedChannel } from './shared-channel.js';
import { SharedWorkerMetrics } from './shared-metrics.js';

/** The exit code of a process that SIGTERM has ended. */
const ENDED = 143;

/** Starts the gateway as number `worker`, when the primary has sent the ticket keys. Rejects as `serve` does. */
export async function serveAsWorker(file: string, options: ServeOptions, worker: number): Promise<Gatekeeper> {
  const sharedMetrics = new SharedWorkerMetrics();
  const channel = new SharedChannel();
  let running: Gatekeeper | undefined;
  let stopping = false;
  // Supervisors signal the whole process group, so one SIGTERM can arrive twice. Only the primary can end a stop early.
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    if (running) void stopGracefully(running, sharedMetrics);
    else process.exit(ENDED);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const given = await givenByPrimary((graceful) => (graceful ? stop() : process.exit(ENDED)));
  const took = (rules: AccessRules): void => tell({ kind: 'rules', rules });
  try {
    running = await serveAmong(file, options, { worker, sharedMetrics, channel, took, ...given });
  } catch (cause) {
    // The open channel would keep the process alive. Its close alone would end the process with a success code.
    cluster.worker?.disconnect();
    throw cause;
  }
  tell({ kind: 'ready' });
  return running;
}

/** Follows the primary's orders from now on. */
function givenByPrimary(stop: (graceful: boolean) => void): Promise<Pick<Among, 'tickets' | 'rules'>> {
  return new Promise((resolve) => {
    let tickets: TicketKeys | undefined;
    let rules: AccessRules | undefined;
    const obey = (order: Order): void => {
      if (order.kind === 'stop') return stop(order.graceful);
      if (order.kind === 'rules') rules = order.rules;
      if (order.kind !== 'tickets') return;
      const secret = Buffer.from(order.secret, 'base64');
      if (tickets) tickets.rotate(secret);
      else resolve({ tickets: (tickets = new TicketKeys(secret)), rules });
    };
    process.on('message', (message) => {
      if (isOrder(message)) obey(message);
    });
    tell({ kind: 'here' });
  });
}

async function stopGracefully(
  running: Pick<Gatekeeper, 'stop'> & { readonly log: Log },
  sharedMetrics: SharedWorkerMetrics,
): Promise<void> {
  try {
    await running.stop();
    await sharedMetrics.report();
    process.exit(0);
  } catch (err) {
    running.log.error({ err }, 'stopping failed');
    process.exit(2);
  }
}
