/** The `plugins` of a file as methods: their modules read and judged, the upstreams that they may call resolved. */
import { methods, pluginMethod } from '../../auth/methods.js';
import type { CallUpstream, PluginOptions } from '../../auth/methods/plugin/options.js';
import type { Item } from '../blocks.js';
import type { Context } from '../context.js';
import type { PlannedUpstream } from '../plan-types.js';
import type { Path } from '../report.js';
import { isUnixAddress } from '../address.js';
import { hint } from '../suggest.js';
import type { Entry } from './methods.js';

type Block = Item<PluginOptions>;

/** Words of `auth` and `middleware.auth` that no method can be called by. */
export const NO_NAMES: ReadonlySet<string> = new Set([
  ...methods.map(({ name }) => name),
  ...['none', 'chain', 'require', 'require_any', 'on_invalid', 'methods', 'narrow', 'plugin', 'enabled'],
]);

/** In the order of the file; one with mistakes is `broken`, and names that refer to it are no further mistakes. */
export function readPlugins(items: readonly Block[], upstreams: readonly PlannedUpstream[], context: Context): Entry[] {
  const seen = new Set<string>();
  const readable = items.map(({ value, path }): Entry => {
    const calls = callsOf(value, { path, upstreams, context });
    const options = withModule({ ...value, calls: calls ?? [] }, path, context);
    const named = isNameFree(value.name, { path, seen, context });
    seen.add(value.name);
    const entry = { name: value.name, method: pluginMethod(), from: 'file', path } as const;
    return options && calls && named ? { ...entry, options, state: 'enabled' } : { ...entry, state: 'broken' };
  });
  return [...readable, ...unreadable(items, context)];
}

/** A plugin with a wrong block still has its name. */
function unreadable(items: readonly Block[], context: Context): readonly Entry[] {
  const read = new Set(items.map(({ path }) => path[1]));
  const length = context.length(['plugins']) ?? 0;
  return Array.from({ length }, (_, at) => at).flatMap((at): Entry[] => {
    const name = context.value(['plugins', at, 'name']);
    if (read.has(at) || typeof name !== 'string' || NO_NAMES.has(name)) return [];
    return [{ name, method: pluginMethod(), from: 'file', path: ['plugins', at], state: 'broken' }];
  });
}

function isNameFree(
  name: string,
  { path, seen, context }: { readonly path: Path; readonly seen: ReadonlySet<string>; readonly context: Context },
): boolean {
  const refuse = (message: string): false => {
    context.report.error({ path: [...path, 'name'], code: 'duplicate', message });
    return false;
  };
  if (seen.has(name)) return refuse('another plugin has this name already');
  if (NO_NAMES.has(name)) return refuse(`${name} is the name of something else in auth`);
  return context.strategies.includes(name) ? refuse('a strategy of the host application has this name') : true;
}

function withModule(options: PluginOptions, path: Path, { source, report }: Context): PluginOptions | undefined {
  const bytes = source.readBytesBeside(options.path);
  if (typeof bytes === 'string') {
    report.error({ path: [...path, 'path'], code: 'unreadable_file', message: `${options.path}: ${bytes}` });
    return undefined;
  }
  const read = { ...options, bytes };
  const found = pluginMethod().findings(read);
  for (const { path: below, message } of found) {
    report.error({ path: [...path, ...below], code: 'plugin_error', message });
  }
  return found.length === 0 ? read : undefined;
}

interface Calls {
  readonly path: Path;
  readonly upstreams: readonly PlannedUpstream[];
  readonly context: Context;
}

function callsOf(
  { upstreams: named }: PluginOptions,
  { path, upstreams, context }: Calls,
): readonly CallUpstream[] | undefined {
  const known = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
  const calls: CallUpstream[] = [];
  named.forEach((name, at) => {
    const upstream = known.get(name);
    const place = [...path, 'upstreams', at];
    if (!upstream) {
      const message = `unknown upstream ${JSON.stringify(name)}${hint(name, known.keys())}`;
      context.report.error({ path: place, code: 'unknown_upstream', message });
    } else if (upstream.endpoints.some(({ url }) => isUnixAddress(url))) {
      const message = `${name} has an endpoint on a Unix socket, and a plugin calls only host:port`;
      context.report.error({ path: place, code: 'wrong_value', message });
    } else calls.push({ name, endpoints: upstream.endpoints, tls: upstream.tls });
  });
  return calls.length === named.length ? calls : undefined;
}
