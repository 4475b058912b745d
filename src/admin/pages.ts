/** The admin pages: what each path reports about the gateway, without secrets. */
import type { Plan } from '../config/plan-types.js';
import { accessTable } from '../config/access.js';

export interface AdminSources {
  /** Returns the current plan. */
  readonly plan: () => Plan;
  /** Returns the metrics in Prometheus's text format. Absent: no metrics. */
  readonly metrics?: () => Promise<string>;
  /** Whether the gateway takes requests: not before the listeners are open, and not after a stop has begun. */
  readonly state: () => 'starting' | 'ready' | 'stopping';
  /** Returns each upstream and the state of its endpoints. */
  readonly upstreams: () => unknown;
}

export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly challenge?: string;
}

const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';

export async function pageAt(path: string, sources: AdminSources): Promise<Page> {
  const plan = sources.plan();
  if (sources.metrics && path === (plan.metrics?.path ?? '/metrics'))
    return { status: 200, type: PROMETHEUS, body: await sources.metrics() };
  switch (path) {
    case '/health':
      return json(200, { status: 'ok' });
    case '/ready': {
      const state = sources.state();
      return json(state === 'ready' ? 200 : 503, { status: state });
    }
    case '/routes':
      return json(200, routesOf(plan));
    case '/upstreams':
      return json(200, { upstreams: sources.upstreams() });
    default:
      return json(404, { error: 'there is no such page' });
  }
}

export function json(status: number, value: unknown): Page {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}

/**
 * Lists who may call what, as `check` prints it. Auth methods appear by name only, because their options stay in the
 * file.
 */
function routesOf(plan: Plan): object {
  const { rows, methods } = accessTable(plan);
  return { routes: rows, methods: methods.map(({ name, title, routes }) => ({ name, title, routes })) };
}
