/** One process of `serve --workers`: the usual gateway, but its primary decides when it stops. */
import cluster from 'node:cluster';
import type { Plan } from '../config/plan-types.js';
import { accessRules, type AccessRules } from '../routing/access-rules.js';
import type { Log } from '../lib/types.js';
import type { OwnGateway, ServeOptions, StopOptions } from './gatekeeper.js';
import type { WorkerShare } from './worker-share.js';
import { startGateway } from './served.js';
import { TicketKeys } from './ticket-keys.js';
import { isOrder, tell, type Order } from './worker-messages.js';
import { SharedChannel } from './shared-channel.js';
import { SharedWorkerMetrics } from './shared-metrics.js';

/** The exit code of a process that SIGTERM has ended. */
const ENDED = 143;

/** The ports close without a delay. */
const AT_ONCE: StopOptions = { delay: 0 };

/** Starts the gateway as number `worker`, when the primary has sent the ticket keys. Rejects as `serve` does. */
export async function serveAsWorker(file: string, options: ServeOptions, worker: number): Promise<OwnGateway> {
  const sharedMetrics = new SharedWorkerMetrics();
  const channel = new SharedChannel();
  let running: OwnGateway | undefined;
  let stopping = false;
  const stop = (options?: StopOptions): void => {
    if (!running) process.exit(ENDED);
    stopping = true;
    void endAfter(running.stop(options), running.log, sharedMetrics);
  };
  // Supervisors signal the whole process group, so one signal can arrive twice. Only the primary can end a stop early.
  const stopOnce = (options?: StopOptions): void => void (stopping || stop(options));
  process.on('SIGTERM', () => stopOnce());
  process.on('SIGINT', () => stopOnce(AT_ONCE));
  const given = await givenByPrimary((delay) => stop(delay ? undefined : AT_ONCE));
  const took = (plan: Plan): void => tell({ kind: 'rules', rules: accessRules(plan), shutdown: plan.shutdown });
  try {
    running = await startGateway(file, options, { worker, sharedMetrics, channel, took, ...given });
  } catch (cause) {
    // The open channel would keep the process alive. Its close alone would end the process with a success code.
    cluster.worker?.disconnect();
    throw cause;
  }
  tell({ kind: 'ready' });
  return running;
}

/** Follows the primary's orders from now on. */
function givenByPrimary(stop: (delay: boolean) => void): Promise<Pick<WorkerShare, 'tickets' | 'rules'>> {
  return new Promise((resolve) => {
    let tickets: TicketKeys | undefined;
    let rules: AccessRules | undefined;
    const obey = (order: Order): void => {
      if (order.kind === 'stop') return stop(order.delay);
      if (order.kind === 'rules') rules = order.rules;
      if (order.kind !== 'tickets') return;
      process.umask(order.umask);
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

async function endAfter(stopped: Promise<void>, log: Log, sharedMetrics: SharedWorkerMetrics): Promise<void> {
  try {
    await stopped;
    await sharedMetrics.report();
    process.exit(0);
  } catch (err) {
    log.error({ err }, 'stopping failed');
    process.exit(2);
  }
}
