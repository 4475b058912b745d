/** Collects what this process knows of its own state, for the console. */
import { readFileSync } from 'node:fs';
import { keyTexts } from '../admin/access-map.js';
import type {
  EventLoopStatus,
  LimitsStatus,
  ListenerStatus,
  MethodStatus,
  PluginStatus,
  ProcessStatus,
} from '../admin/process-status.js';
import { methodOfType, PLUGIN } from '../auth/methods.js';
import { unixAddress } from '../config/address.js';
import type { Plan, PlannedListener, PlannedMethod } from '../config/plan-types.js';
import type { Inspected } from '../runtime/compose.js';
import type { Snapshot } from '../runtime/snapshot.js';
import { certificateOf, revocationState } from './tls.js';
import type { Listening } from './gatekeeper.js';

export interface StatusParts {
  readonly inspect: () => Inspected;
  readonly listening: readonly Listening[];
  readonly worker: number | undefined;
  readonly eventLoop: EventLoopStatus | undefined;
}

export function processStatus({ inspect, listening, worker, eventLoop }: StatusParts): ProcessStatus {
  const { snapshot, standing } = inspect();
  const { plan } = snapshot;
  const { rss, heapUsed } = process.memoryUsage();
  const limits = limitsOf(snapshot);
  const warnings = plan.warnings.map(({ code, file, line, path, message }) => ({ code, file, line, path, message }));
  return {
    ...(worker !== undefined && { worker }),
    pid: process.pid,
    version: ownVersion(),
    node: process.version,
    startedAt: Math.round(Date.now() - process.uptime() * 1_000),
    memory: { rssBytes: rss, heapBytes: heapUsed },
    ...(eventLoop && { eventLoop }),
    config: { file: plan.file, ...standing, warnings },
    listeners: plan.listeners.map((each) => listenerStatus(each, listening)),
    methods: methodsOf(snapshot),
    upstreams: snapshot.upstreams(),
    ...(limits && { limits }),
    sockets: snapshot.liveSockets.size,
  };
}

let version: string | undefined;

function ownVersion(): string {
  version ??= (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version;
  return version;
}

function listenerStatus(planned: PlannedListener, listening: readonly Listening[]): ListenerStatus {
  const { name, protocol, host = '0.0.0.0', port, unix, tls } = planned;
  const open = listening.find((each) => each.name === name);
  const shown = open?.host ?? host;
  const certificate = tls && certificateOf(tls);
  const revocation = revocationState(planned);
  return {
    name,
    address: unix
      ? `${protocol}://${unixAddress(unix.path)}`
      : `${protocol}://${shown.includes(':') ? `[${shown}]` : shown}:${open?.port ?? port}`,
    ...(tls && { clientAuth: tls.clientAuth }),
    ...(certificate && {
      certificate: {
        subject: certificate.subject.replaceAll('\n', ', '),
        notAfter: certificate.validToDate.getTime(),
      },
    }),
    ...(revocation && {
      revocation: {
        lists: revocation.lists.map(({ issuer, nextUpdate }) => ({ issuer, nextUpdate })),
        faults: revocation.faults,
      },
    }),
  };
}

function methodsOf({ plan, methods }: Snapshot): readonly MethodStatus[] {
  const known = methods.keySets();
  const stores = methods.storeStatuses();
  return plan.methods.map((method) => {
    const { name, type } = method;
    const keySets = known.get(name);
    const plugin = pluginOf(method);
    const title = methodOfType(type)?.title ?? 'Passport strategy of the host';
    const store = stores.get(name);
    return { name, title, ...(keySets && { keySets }), ...(store && { store }), ...(plugin && { plugin }) };
  });
}

/** The options of `plugins[]` that bound a plugin. */
interface PluginBounds {
  readonly phase: string;
  readonly isolation: string;
  readonly timeout: number;
  readonly memory_limit: number;
}

function pluginOf({ type, options }: PlannedMethod): PluginStatus | undefined {
  if (type !== PLUGIN) return undefined;
  const { phase, isolation, timeout, memory_limit: memoryLimitBytes } = options as PluginBounds;
  return { phase, isolation, timeoutMs: timeout, memoryLimitBytes };
}

function limitsOf({ plan, storeUp }: Snapshot): LimitsStatus | undefined {
  const rules = rulesOf(plan);
  if (rules.length === 0) return undefined;
  const distributed = plan.rateLimit?.distributed;
  return {
    rules,
    ...(distributed && {
      store: { type: distributed.redis.type, up: storeUp === true, onError: distributed.onStoreError },
    }),
  };
}

function rulesOf({ rateLimit, routes }: Plan): LimitsStatus['rules'] {
  const key = rateLimit ? keyTexts(rateLimit) : ['identity'];
  const own = routes.flatMap(({ id, rateLimit: rate }) => (rate ? [{ name: `route ${id}`, rate, key }] : []));
  if (!rateLimit) return own;
  const { rate, tiers, quotas } = rateLimit;
  return [
    ...(rate ? [{ name: 'global', rate, key }] : []),
    ...tiers.map((tier) => ({ name: `tier ${tier.name}`, rate: tier.rate, key })),
    ...quotas.map((quota) => ({ name: `quota ${quota.name}`, rate: quota.rate, key: keyTexts(quota) })),
    ...own,
  ];
}
