/** Reads the `auth` of a route from the code of a host, by the rules of the file. */
import { methodOfType, methods as registry } from '../auth/methods.js';
import type { RouteAuth } from '../auth/protection.js';
import type { Requirement } from '../auth/requirement.js';
import { Context } from './context.js';
import { parseObject } from './object.js';
import type { Plan } from './plan-types.js';
import { Roster, type Entry } from './plan/methods.js';
import { RequirementReader } from './plan/requirement.js';
import { Report } from './report.js';
import { Source } from './source.js';

/** @throws TypeError with every mistake, each with its path */
export function readRouteAuth(
  auth: RouteAuth,
  { methods, unmatched }: Pick<Plan, 'methods' | 'unmatched'>,
): Requirement {
  const { root, faults } = parseObject({ auth });
  const report = new Report('protect()', () => ({ line: 1, column: 1 }));
  for (const { offset, ...fault } of faults) report.errorAt({ line: offset, column: offset }, fault);
  const source = new Source({ config: {} });
  const context = new Context({ root, report, source, mode: 'middleware', strategies: [] });
  const reader = new RequirementReader(context, rosterOf(methods), {
    plugins: [],
    intact: true,
    ...(unmatched && { chain: unmatched }),
  });
  const requirement = report.mistaken ? undefined : reader.read(['auth'])?.requirement;
  if (requirement && requirement.kind !== 'open' && !report.mistaken) return requirement;
  const faultsFound = report.diagnostics.map(({ path, message }) => `${path}: ${message}`);
  throw new TypeError(`protect(): ${faultsFound.join('; ') || 'auth: requires no credential, so it protects nothing'}`);
}

function rosterOf(planned: Plan['methods']): Roster {
  const enabled = planned.map(({ name, type, options }): Entry => {
    const method = methodOfType(type);
    const from = type === 'strategy' ? 'host' : 'file';
    return { name, state: 'enabled', from, options, ...(method && { method }) };
  });
  const known = new Set(planned.map(({ name }) => name));
  const missing = registry
    .filter(({ name }) => !known.has(name))
    .map(({ name }): Entry => ({ name, state: 'missing', from: 'file' }));
  return new Roster([...enabled, ...missing]);
}
