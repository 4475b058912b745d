/** The global policy: `chain`, `require_any`, `on_invalid` and `plugin` of `middleware.auth`. */
import { z } from 'zod';
import { PLUGIN } from '../../auth/methods.js';
import type { Requirement } from '../../auth/requirement.js';
import type { Context } from '../context.js';
import { readBlock } from '../issues.js';
import { oneOrMore } from '../../lib/fields.js';
import { flag, listOf, name } from '../schema/fields.js';
import { AUTH, type Roster } from './methods.js';
import { combine, readNames } from './combine.js';
import { namedKeys } from './named-keys.js';

export interface Policy {
  readonly chain?: Requirement;
  /** Plugins required of every route that is not `auth: none`. */
  readonly plugins: readonly string[];
  /** False: there is a policy, and its mistakes are reported. */
  readonly intact: boolean;
}

export const policyShape = {
  chain: listOf(z.string({ error: 'must be the name of a method' }))
    .optional()
    .describe('The methods that every route without `auth` requires, in this order.'),
  require_any: flag().optional().describe('true: one method of `chain` is enough; false: all of them.'),
  on_invalid: z
    .enum(['continue', 'stop'])
    .optional()
    .describe('What a wrong credential does to the search: `continue` (default) or `stop`.'),
  plugin: oneOrMore(name())
    .optional()
    .describe('A WASM plugin, or several, that every route requires as well, but those with `auth: none`.'),
};

const policyBlock = namedKeys(policyShape);

export function readPolicy(context: Context, roster: Roster): Policy {
  if (!context.has(AUTH)) return SILENT;
  if (context.keys(AUTH).length === 0) return BROKEN;
  for (const { name: stray, from, method, state } of roster.usable) {
    const isPlugin = state === 'enabled' && method?.name === PLUGIN;
    if ((from !== 'host' && !isPlugin) || !context.has([...AUTH, stray])) continue;
    const message = isPlugin
      ? 'is a plugin, whose options belong in plugins'
      : 'is a strategy of the host application, which takes no options here';
    context.report.error({ path: [...AUTH, stray], code: 'wrong_method', message, at: 'key' });
  }
  const block = { schema: policyBlock(roster.names), value: context.value(AUTH), path: AUTH };
  const read = readBlock(block, context) as Shape | undefined;
  if (!read) return BROKEN;
  const { plugin: plugins = [] } = read;
  const policy = readChain(read, { context, roster });
  return arePlugins(plugins, { context, roster }) ? { ...policy, plugins } : BROKEN;
}

const SILENT: Policy = { plugins: [], intact: true };
const BROKEN: Policy = { plugins: [], intact: false };

function arePlugins(names: readonly string[], { context, roster }: { context: Context; roster: Roster }): boolean {
  const [refused] = names.flatMap((each) => roster.pluginRefusal(each) ?? []);
  if (refused === undefined) return true;
  context.report.error({ path: [...AUTH, 'plugin'], code: 'wrong_method', message: refused });
  return false;
}

interface Shape {
  readonly chain?: readonly string[];
  readonly require_any?: boolean;
  readonly on_invalid?: 'continue' | 'stop';
  readonly plugin?: readonly string[];
}

function readChain(read: Shape, { context, roster }: { context: Context; roster: Roster }): Policy {
  const { chain, require_any, on_invalid } = read;
  const refuse = (key: string, message: string): Policy => {
    context.report.error({ path: [...AUTH, key], code: 'wrong_policy', message, at: 'key' });
    return BROKEN;
  };
  if (chain === undefined) {
    if (require_any !== undefined) return refuse('require_any', 'means nothing without chain');
    return on_invalid === undefined ? SILENT : refuse('on_invalid', 'means nothing without chain');
  }
  const parts = readNames(chain, { path: [...AUTH, 'chain'], context, roster });
  if (!parts) return BROKEN;
  if (parts.length > 1 && require_any === undefined) {
    return refuse('chain', 'needs require_any beside it: true (one is enough) or false (all)');
  }
  if (on_invalid === 'stop' && require_any === false)
    return refuse('on_invalid', 'means nothing where all are required');
  return { ...SILENT, chain: combine(parts, { any: require_any ?? true, onInvalid: on_invalid }) };
}
