/** Identity headers that several issuers fill with the name of the caller, for one upstream. */
import { methodsOf } from '../../auth/requirement.js';
import { foldName } from '../../http/header-policy.js';
import type { Context } from '../context.js';
import type { Plan, PlannedMethod } from '../plan-types.js';
import type { Path } from '../report.js';
import { mapsOf } from './headers.js';

/** Claims that name the caller. */
const NAMES: ReadonlySet<string> = new Set([
  ...['sub', 'subject', 'client_id', 'email', 'name', 'oid', 'preferred_username', 'uid', 'upn', 'user_id', 'username'],
]);

type Facts = Pick<Plan, 'methods' | 'routes' | 'unmatched'>;

/** `alice` of one method and `alice` of the other are one caller for the upstream. */
export function checkSharedIdentity(plan: Facts, context: Context): void {
  const reported = new Set<string>();
  for (const group of groupsOf(plan)) {
    const filled = new Map<string, PlannedMethod[]>();
    for (const method of group) {
      // A header with `iss` separates the callers of one issuer from those of another.
      if (isListed(method) || method.headers.some(({ claim }) => claim === 'iss')) continue;
      for (const header of new Set(method.headers.filter(namesCaller).map((each) => foldName(each.header))))
        filled.set(header, [...(filled.get(header) ?? []), method]);
    }
    for (const [header, [first, ...others]] of filled) {
      for (const other of others) warn(header, { first: first as PlannedMethod, other, reported }, context);
    }
  }
}

/** The file lists the names of keys and users, so its author decides that two of them are one caller. */
function isListed({ options }: PlannedMethod): boolean {
  const { keys, users } = (options ?? {}) as { readonly keys?: unknown; readonly users?: unknown };
  return Array.isArray(keys) || Array.isArray(users);
}

const namesCaller = ({ claim }: { readonly claim: string }): boolean => NAMES.has(claim);

/** The methods that each upstream hears of. A host application is one of them. */
function groupsOf({ methods, routes, unmatched }: Facts): readonly (readonly PlannedMethod[])[] {
  const names = new Map<string | undefined, Set<string>>();
  const add = (upstream: string | undefined, used: readonly string[]): void => {
    names.set(upstream, new Set([...(names.get(upstream) ?? []), ...used]));
  };
  for (const { upstream, requirement } of routes) add(upstream, methodsOf(requirement));
  if (unmatched) add(undefined, methodsOf(unmatched));
  return [...names.values()].map((used) => methods.filter(({ name }) => used.has(name)));
}

interface Pair {
  readonly first: PlannedMethod;
  readonly other: PlannedMethod;
  readonly reported: Set<string>;
}

function warn(header: string, { first, other, reported }: Pair, context: Context): void {
  const path = placeOf(header, other, context);
  const key = JSON.stringify([path, first.name]);
  if (path === undefined || reported.has(key)) return;
  reported.add(key);
  const name = other.headers.find((each) => foldName(each.header) === header)?.header ?? header;
  const message =
    `${first.name} and ${other.name} both fill ${name}: the upstream takes callers of the same name for one caller; ` +
    'give each method its own header';
  context.report.warning({ path, code: 'shared_identity', message });
}

function placeOf(header: string, method: PlannedMethod, context: Context): Path | undefined {
  const entries = mapsOf(method, context).flatMap((map) => context.keys(map).map((claim) => [...map, claim]));
  return entries.find((path) => {
    const value = context.value(path);
    return typeof value === 'string' && foldName(value) === header;
  });
}
