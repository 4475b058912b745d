/** The access map: each route with who may call it, how often, and where it leads, without a secret of the file. */
import type { Requirement } from '../auth/requirement.js';
import { accessTable, type AccessRow } from '../config/access.js';
import type { FieldMatch, Plan, PlannedRateLimit, PlannedRoute } from '../config/plan-types.js';
import { limitKeyText, type LimitKeyPart } from '../limit/keys.js';

/** The part of an auth method in a requirement. `either`: one of several is enough. */
type Part = 'required' | 'either' | 'optional';

/** Lists who may call what, as `check` prints it. Auth methods appear by name only: their options stay in the file. */
export function accessMap(plan: Plan): object {
  const { rows, methods } = accessTable(plan);
  const routes = new Map(plan.routes.map((route) => [route.id, route]));
  const { rateLimit } = plan;
  return {
    routes: rows.map((row) => ({ ...row, ...partsOf(row, routes.get(row.route), plan) })),
    methods: methods.map(({ name, title, routes: ids }) => ({ name, title, routes: ids })),
    ...(rateLimit?.rate && { limit: { ...rateLimit.rate, key: keyTexts(rateLimit) } }),
  };
}

function partsOf({ route: id }: AccessRow, route: PlannedRoute | undefined, { unmatched }: Plan): object {
  const requirement = route?.requirement ?? (id === '(no route)' ? unmatched : undefined);
  const conditions = route ? [...conditionsOf('header', route.headers), ...conditionsOf('query', route.query)] : [];
  return {
    auth: requirement ? methodsIn(requirement, 'required') : [],
    ...(conditions.length > 0 && { conditions }),
    ...(route?.rateLimit && { limit: route.rateLimit }),
  };
}

/** Without the value: a file may compare a header with a secret. */
function conditionsOf(kind: string, matches: readonly FieldMatch[]): readonly string[] {
  return matches.map(({ name }) => `${kind} ${name}`);
}

function methodsIn(requirement: Requirement, part: Part): readonly { method: string; role: Part }[] {
  switch (requirement.kind) {
    case 'open':
      return [];
    case 'method':
      return [{ method: requirement.name, role: part }];
    case 'optional':
      return methodsIn(requirement.of, 'optional');
    case 'all':
      return requirement.of.flatMap((each) => methodsIn(each, part));
    case 'any': {
      const inner = part === 'required' && requirement.of.length > 1 ? 'either' : part;
      return requirement.of.flatMap((each) => methodsIn(each, inner));
    }
  }
}

export function keyTexts({ key }: Pick<PlannedRateLimit, 'key'>): readonly string[] {
  return key.map((part: LimitKeyPart) => limitKeyText(part));
}
