/** Names that blocks use of each other: upstreams of routes, ids, ports. */
import type { Context } from '../context.js';
import type { PlannedListener } from '../plan-types.js';
import type { Blocks } from '../blocks.js';
import { hint } from '../suggest.js';

export function checkReferences(listeners: readonly PlannedListener[], blocks: Blocks, context: Context): void {
  checkUpstreamNames(blocks, context);
  checkIds(blocks, context);
  checkListeners(listeners, blocks, context);
}

function checkUpstreamNames(blocks: Blocks, context: Context): void {
  const { report, mode } = context;
  // Those with mistakes of their own count as well: one mistake is reported once.
  const known = upstreamNames(context);
  // Plugins call some.
  const used = new Set(blocks.plugins.flatMap(({ value }) => value.upstreams));
  for (const { value, path } of blocks.routes) {
    const { upstream } = value;
    if (upstream === undefined) {
      if (mode === 'serve')
        report.error({ path, code: 'missing', message: 'needs an upstream: a gateway has no other handler' });
      continue;
    }
    used.add(upstream);
    if (known.includes(upstream)) continue;
    if (mode === 'middleware' && !context.has(['upstreams'])) {
      const message = 'the file has no upstreams: once admitted, requests go on to the host application';
      report.warning({ path: [...path, 'upstream'], code: 'no_upstreams', message });
      continue;
    }
    const message = `unknown upstream ${JSON.stringify(upstream)}${hint(upstream, known)}`;
    report.error({ path: [...path, 'upstream'], code: 'unknown_upstream', message });
  }
  if (blocks.routes.length !== (context.length(['routes']) ?? 0)) return;
  for (const { value, path } of blocks.upstreams) {
    if (!used.has(value.name))
      report.warning({ path, code: 'unused', message: `no route uses the upstream ${value.name}` });
  }
}

function upstreamNames(context: Context): readonly string[] {
  const length = context.length(['upstreams']) ?? 0;
  const names = Array.from({ length }, (_, at) => context.value(['upstreams', at, 'name']));
  return names.filter((name) => typeof name === 'string');
}

function checkIds(blocks: Blocks, { report }: Context): void {
  const seen = new Map<string, number>();
  for (const { value, path } of blocks.routes) {
    if (value.id === undefined) continue;
    if (/^routes\[\d+\]$/.test(value.id) && value.id !== `routes[${path[1]}]`)
      report.error({
        path: [...path, 'id'],
        code: 'duplicate',
        message: 'is what another route without an id is called',
      });
    const first = seen.get(value.id);
    if (first === undefined) seen.set(value.id, Number(path[1]));
    else report.error({ path: [...path, 'id'], code: 'duplicate', message: `routes[${first}] has this id already` });
  }
}

function checkListeners(listeners: readonly PlannedListener[], blocks: Blocks, { report }: Context): void {
  listeners.forEach((listener, at) => {
    const path = blocks.listeners[at]?.path ?? ['listeners'];
    const before = listeners.slice(0, at);
    const rival = before.find((each) => collide(each, listener));
    if (rival) {
      report.error({
        path: [...path, 'address'],
        code: 'duplicate',
        message: `${rival.name} listens on this ${listener.unix ? 'path' : 'port'} already`,
      });
    }
    if (before.some(({ name }) => name === listener.name) && !rival) {
      report.error({ path: [...path, 'name'], code: 'duplicate', message: 'another listener has this name already' });
    }
  });
}

type Place = Pick<PlannedListener, 'host' | 'port' | 'unix'>;

const ANY_ADDRESS = new Set([undefined, '0.0.0.0', '::']);

/** Whether two would want one port of one address, or one path. */
export function collide(a: Place, b: Place): boolean {
  if (a.unix || b.unix) return a.unix?.path === b.unix?.path;
  return a.port === b.port && (a.host === b.host || ANY_ADDRESS.has(a.host) || ANY_ADDRESS.has(b.host));
}
