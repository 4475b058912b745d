/** The global policy: `chain`, `require_any`, `on_invalid` and `plugin` of `middleware.auth`. */
import { z } from 'zod';
import type { Requirement } from '../../auth/requirement.js';
import type { Context } from '../context.js';
import { readBlock } from '../issues.js';
import { flag, listOf, name } from '../schema/fields.js';
import { AUTH, type Roster } from './methods.js';
import { combine, readNames } from './combine.js';
import { namedKeys } from './named-keys.js';

export interface Policy {
  readonly chain?: Requirement;
  /** False: there is a policy, and its mistakes are told. */
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
  plugin: name().optional().describe('Not built yet.'),
};

const policyBlock = namedKeys(policyShape);

export function readPolicy(context: Context, roster: Roster): Policy {
  if (!context.has(AUTH)) return { intact: true };
  if (context.keys(AUTH).length === 0) return { intact: false };
  for (const { name: strategy } of roster.usable.filter(({ from }) => from === 'host')) {
    if (!context.has([...AUTH, strategy])) continue;
    const message = 'is a strategy of the host application, which takes no options here';
    context.report.error({ path: [...AUTH, strategy], code: 'wrong_method', message, at: 'key' });
  }
  const block = { schema: policyBlock(roster.names), value: context.value(AUTH), path: AUTH };
  const read = readBlock(block, context) as Shape | undefined;
  if (!read) return { intact: false };
  if (read.plugin !== undefined) {
    context.report.error({ path: [...AUTH, 'plugin'], code: 'not_built', message: 'WASM plugins are not built yet' });
    return { intact: false };
  }
  return readChain(read, { context, roster });
}

interface Shape {
  readonly chain?: readonly string[];
  readonly require_any?: boolean;
  readonly on_invalid?: 'continue' | 'stop';
  readonly plugin?: string;
}

function readChain(read: Shape, { context, roster }: { context: Context; roster: Roster }): Policy {
  const { chain, require_any, on_invalid } = read;
  const refuse = (key: string, message: string): Policy => {
    context.report.error({ path: [...AUTH, key], code: 'wrong_policy', message, at: 'key' });
    return { intact: false };
  };
  if (chain === undefined) {
    if (require_any !== undefined) return refuse('require_any', 'means nothing without chain');
    return on_invalid === undefined ? { intact: true } : refuse('on_invalid', 'means nothing without chain');
  }
  const parts = readNames(chain, { path: [...AUTH, 'chain'], context, roster });
  if (!parts) return { intact: false };
  if (parts.length > 1 && require_any === undefined) {
    return refuse('chain', 'needs require_any beside it: true (one is enough) or false (all)');
  }
  if (on_invalid === 'stop' && require_any === false)
    return refuse('on_invalid', 'means nothing where all are required');
  return { chain: combine(parts, { any: require_any ?? true, onInvalid: on_invalid }), intact: true };
}
