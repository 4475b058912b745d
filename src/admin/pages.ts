/** The admin pages: what each path reports about the gateway, without secrets. */
import type { Plan } from '../config/plan-types.js';
import { accessMap } from './access-map.js';
import { consoleFile } from './console-files.js';
import { decisionPages } from './decisions.js';
import { explainPage, type ExplainTo } from './explain-page.js';
import { glossary } from './glossary.js';
import { json, pathOfPage, type AdminPage, type Page } from './page.js';
import { diffPage } from './diff-page.js';
import { reloadsPage } from './reloads.js';
import { togetherOf } from '../runtime/shadow/report.js';
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
  /** Explains a request. Absent: there is no such page. */
  readonly explain?: ExplainTo;
  /** Asks every process of the gateway. */
  readonly channel: WorkerChannel;
}

const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';

/** Returns every page of the admin address. */
export function pagesOf(sources: AdminSources): readonly AdminPage[] {
  const { metrics } = sources;
  const pages: readonly AdminPage[] = [
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
    { path: '/', role: 'anyone', methods: ['GET'], answer: ({ path }) => consolePage(path) },
    { path: '/console/*', role: 'anyone', methods: ['GET'], answer: ({ path }) => consolePage(path) },
    { path: '/reasons', role: 'reader', methods: ['GET'], answer: () => json(200, glossary()) },
    { path: '/routes', role: 'reader', methods: ['GET'], answer: () => json(200, accessMap(sources.plan())) },
    {
      path: '/upstreams',
      role: 'reader',
      methods: ['GET'],
      answer: () => json(200, { upstreams: sources.upstreams() }),
    },
    ...decisionPages(sources.channel),
    { path: '/status', role: 'reader', methods: ['GET'], answer: () => statusPage(pages, sources) },
    reloadsPage(sources.channel),
    ...(sources.explain ? [explainPage(sources.explain)] : []),
    diffPage(sources),
    { path: '/shadow', role: 'reader', methods: ['GET'], answer: () => shadowPage(sources.channel) },
  ];
  return pages;
}

/** The state of every process, and which pages this gateway has. */
async function statusPage(pages: readonly AdminPage[], { state, plan, channel }: AdminSources): Promise<Page> {
  const { answers: processes, missing } = await channel.ask('status', {});
  return json(200, {
    now: Date.now(),
    state: state(),
    pages: pages.flatMap((page) => pathOfPage(page) ?? []),
    operator: plan().admin?.operator !== undefined,
    processes,
    missing,
  });
}

/** The shell of the console has no data: its pages are asked for with a credential. */
function consolePage(path: string): Page {
  const file = consoleFile(path);
  return file ? { status: 200, ...file } : json(404, { error: 'there is no such page' });
}

/** What the shadow file would change, in all processes of the gateway. */
async function shadowPage(channel: WorkerChannel) {
  const { answers, missing } = await channel.ask('shadow', {});
  return json(200, { ...togetherOf(answers), missing });
}

function readiness(state: ReturnType<AdminSources['state']>) {
  return json(state === 'ready' ? 200 : 503, { status: state });
}
