/** The admin pages: what each path reports about the gateway, without secrets. */
import type { Plan } from '../config/plan-types.js';
import { accessTable } from '../config/access.js';
import { json, type AdminPage } from './page.js';
import type { WorkerChannel } from './worker-channel.js';

export interface AdminSources {
  /** Returns the current plan. */
  readonly plan: () => Plan;
  /** Returns the metrics in Prometheus's text format. Absent: no metrics. */
  readonly metrics?: () => Promise<string>;
  /** Whether the gateway takes requests: not before the listeners are open, and not after a stop has begun. */
  readonly state: () => 'starting' | 'ready' | 'stopping';
  /** Returns each upstream and the state of its endpoints. */
  readonly upstreams: () => unknown;
  /** Asks every process of the gateway. */
  readonly channel: WorkerChannel;
}

const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';

/** Returns every page of the admin address. */
export function pagesOf(sources: AdminSources): readonly AdminPage[] {
  const { metrics } = sources;
  return [
    {
      // First: the path is chosen in the file.
      path: () => (metrics ? (sources.plan().metrics?.path ?? '/metrics') : undefined),
      role: 'reader',
      methods: ['GET'],
      answer: async () => ({ status: 200, type: PROMETHEUS, body: (await metrics?.()) ?? '' }),
    },
    // Constants that a prober reads: whether the process runs, and whether it takes requests.
    { path: '/health', role: 'none', methods: ['GET'], answer: () => json(200, { status: 'ok' }) },
    { path: '/ready', role: 'none', methods: ['GET'], answer: () => readiness(sources.state()) },
    { path: '/routes', role: 'reader', methods: ['GET'], answer: () => json(200, routesOf(sources.plan())) },
    {
      path: '/upstreams',
      role: 'reader',
      methods: ['GET'],
      answer: () => json(200, { upstreams: sources.upstreams() }),
    },
  ];
}

function readiness(state: ReturnType<AdminSources['state']>) {
  return json(state === 'ready' ? 200 : 503, { status: state });
}

/**
 * Lists who may call what, as `check` prints it. Auth methods appear by name only, because their options stay in the
 * file.
 */
function routesOf(plan: Plan): object {
  const { rows, methods } = accessTable(plan);
  return { routes: rows, methods: methods.map(({ name, title, routes }) => ({ name, title, routes })) };
}
